#include "store/members.h"

#include "api/audit.h"
#include "api/cursor.h"
#include "api/etag.h"
#include "api/handlers.h"
#include "api/people.h"
#include "base/text.h"
#include "store/hold.h"

namespace cupola::api {
namespace {

constexpr std::string_view list = "members";

json::object to_json(const store::Membership& member) {
  return {{"login", json_text(member.login)},
          {"role", to_text(member.role)},
          {"since", to_rfc3339(member.since)}};
}

json::object settings_of(const store::Membership& member) {
  return {{"role", to_text(member.role)}};
}

Result<store::Membership> member_of(const Call& call, db::Session& db) {
  const std::string& login = call.in_path("login");
  auto member = store::find_member(db, call.organization(), login);
  if (member) return *member;
  return Error{Error::Kind::not_found, "There is no member " + cupola::quoted(login) + " here.",
               "`cupola member list` shows those there are."};
}

/// For a write that looks first: members of one organization change one after the other.
Result<store::Membership> held_member_of(const Call& call, db::Session& db) {
  store::hold(db, call.organization());
  return member_of(call, db);
}

}  // namespace

Result<http::Reply> list_members(const Call& call) {
  Query query(call);
  const int limit = query.limit();
  const std::string after = name_cursor(query, list);
  if (query.fault()) return *query.fault();

  return call.context.database.read([&](db::Session& db) -> Result<http::Reply> {
    const auto members = store::list_members(db, call.organization(), after, limit + 1);
    json::array items;
    std::string next;
    for (const store::Membership& member : members) {
      if (items.size() == static_cast<std::size_t>(limit)) {
        next = name_cursor_of(list, members[items.size() - 1].login);
        break;
      }
      items.emplace_back(to_json(member));
    }
    return list_reply(list, std::move(items), next);
  });
}

Result<http::Reply> show_member(const Call& call) {
  return call.context.database.read([&](db::Session& db) -> Result<http::Reply> {
    const Result<store::Membership> member = member_of(call, db);
    if (!member) return member.error();
    return tagged_reply(200, to_json(*member), etag_of(settings_of(*member)));
  });
}

Result<http::Reply> change_member(const Call& call) {
  Body body(call, {"role"});
  const auto role = role_in(body, "role", true);
  if (body.fault()) return *body.fault();

  return forgetting(call, write_once(call, [&](db::Session& db) -> Result<http::Reply> {
                      Result<store::Membership> member = held_member_of(call, db);
                      if (!member) return member.error();
                      const json::object before = settings_of(*member);
                      if (auto refused = mismatch(call, etag_of(before)))
                        return *std::move(refused);
                      const Result<void> set =
                          store::set_role(db, call.organization(), member->user, *role);
                      if (!set) return set.error();
                      member->role = *role;
                      audit(call, db,
                            {.action = "member.change",
                             .name = member->login,
                             .before = before,
                             .after = settings_of(*member)});
                      return tagged_reply(200, to_json(*member), etag_of(settings_of(*member)));
                    }));
}

Result<http::Reply> remove_member(const Call& call) {
  return forgetting(
      call, write_once(call, [&](db::Session& db) -> Result<http::Reply> {
        const Result<store::Membership> member = held_member_of(call, db);
        if (!member) return member.error();
        if (auto refused = mismatch(call, etag_of(settings_of(*member))))
          return *std::move(refused);
        const Result<void> removed =
            store::remove_member(db, call.organization(), member->user, call.now);
        if (!removed) return removed.error();
        audit(call, db,
              {.action = "member.remove", .name = member->login, .before = settings_of(*member)});
        return http::Reply{.status = 204};
      }));
}

}  // namespace cupola::api
