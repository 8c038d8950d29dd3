#include "api/audit.h"

#include "store/audit.h"

namespace cupola::api {
namespace {

std::optional<std::string> unless_empty(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

std::optional<std::string> unless_null(const json::value& value) {
  return value.is_null() ? std::nullopt : std::optional(json::serialize(value));
}

}  // namespace

void audit(const Call& call, db::Session& db, const Change& change) {
  const store::Member& member = call.member;
  store::add_audit(
      db,
      {.organization = call.organization(),
       .at = call.now,
       .actor_kind = member.is_service ? store::ActorKind::service_account : store::ActorKind::user,
       .actor = member.login,
       .token = unless_empty(member.token_id),
       .peer = unless_empty(call.request.peer),
       .request_id = unless_empty(call.request.request_id),
       .action = change.kind.empty() || change.action.starts_with(change.kind + ".")
                     ? change.action
                     : change.kind + "." + change.action,
       .name = change.name,
       .thing_id = unless_empty(change.id),
       .project = unless_empty(change.project),
       .deployment = unless_empty(change.deployment),
       .before = unless_null(change.before),
       .after = unless_null(change.after)});
}

void audit_as(const store::Member& member, const Call& call, db::Session& db,
              const Change& change) {
  Call as_member = call;
  as_member.member = member;
  audit(as_member, db, change);
}

}  // namespace cupola::api
