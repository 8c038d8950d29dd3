#include "api/audit.h"
#include "api/etag.h"
#include "api/handlers.h"
#include "api/input.h"
#include "store/hold.h"

namespace cupola::api {
namespace {

constexpr std::size_t longest_name = 200;
constexpr std::size_t longest_address = 2010;
constexpr std::size_t longest_email = 254;

json::object settings_of(const store::Billing& billing) {
  return {{"billing_name", billing.name},
          {"billing_address", billing.address},
          {"billing_email", billing.email}};
}

http::Reply shown(const Call& call, db::Session& db, const store::Billing& billing) {
  const auto organization = store::find_organization(db, call.organization());
  if (!organization) throw Failure("A token names an organization that is not there.");
  json::object object{{"id", organization->id},
                      {"name", organization->name},
                      {"account_number", organization->account_number},
                      {"created_at", to_rfc3339(organization->created_at)}};
  for (const auto& member : settings_of(billing)) object[member.key()] = member.value();
  return tagged_reply(200, object, etag_of(settings_of(billing)));
}

}  // namespace

Result<http::Reply> show_organization(const Call& call) {
  return call.context.database.read([&](db::Session& db) -> Result<http::Reply> {
    return shown(call, db, store::billing_of(db, call.organization()));
  });
}

/// PATCH changes what the body has, and leaves the rest; a null or an empty text takes away.
Result<http::Reply> change_organization(const Call& call) {
  Body body(call, {"billing_name", "billing_address", "billing_email"});
  const std::string name = body.optional_text("billing_name", longest_name);
  const std::string address = body.optional_text("billing_address", longest_address);
  const std::string email = body.optional_text("billing_email", longest_email);
  if (body.fault()) return *body.fault();

  return write_once(call, [&](db::Session& db) -> Result<http::Reply> {
    store::hold(db, call.organization());
    const store::Billing before = store::billing_of(db, call.organization());
    if (auto refused = mismatch(call, etag_of(settings_of(before)))) return *std::move(refused);
    store::Billing after = before;
    if (body.has("billing_name")) after.name = name;
    if (body.has("billing_address")) after.address = address;
    if (body.has("billing_email")) after.email = email;
    const Result<void> set = store::set_billing(db, call.organization(), after);
    if (!set) return set.error();
    audit(call, db,
          {.action = "organization.change",
           .name = call.member.organization_name,
           .id = call.member.organization_id,
           .before = settings_of(before),
           .after = settings_of(after)});
    return shown(call, db, after);
  });
}

}  // namespace cupola::api
