#include "api/audit.h"
#include "api/etag.h"
#include "api/handlers.h"
#include "api/people.h"
#include "base/text.h"
#include "store/hold.h"
#include "store/organization_name.h"

namespace cupola::api {
namespace {

constexpr std::size_t longest_name = 100;
constexpr std::size_t longest_billing_name = 200;
constexpr std::size_t longest_address = 2010;
constexpr std::size_t longest_email = 254;

/// What can be changed of an organization.
struct Details {
  store::Organization organization;
  store::Billing billing;
};

Details details_of(const Call& call, db::Session& db) {
  auto organization = store::find_organization(db, call.organization());
  if (!organization) throw Failure("A token names an organization that is not there.");
  return {*std::move(organization), store::billing_of(db, call.organization())};
}

json::object settings_of(const Details& details) {
  return {{"name", json_text(details.organization.name)},
          {"billing_name", details.billing.name},
          {"billing_address", details.billing.address},
          {"billing_email", details.billing.email}};
}

http::Reply shown(const Details& details) {
  json::object object{{"id", details.organization.id},
                      {"account_number", details.organization.account_number},
                      {"created_at", to_rfc3339(details.organization.created_at)}};
  const json::object settings = settings_of(details);
  for (const auto& member : settings) object[member.key()] = member.value();
  return tagged_reply(200, object, etag_of(settings));
}

}  // namespace

Result<http::Reply> show_organization(const Call& call) {
  return call.context.database.read(
      [&](db::Session& db) -> Result<http::Reply> { return shown(details_of(call, db)); });
}

/// PATCH changes what the body has, and leaves the rest; of where bills go, a null or an empty text
/// takes away.
Result<http::Reply> change_organization(const Call& call) {
  Body body(call, {"name", "billing_name", "billing_address", "billing_email"});
  const std::string name = body.has("name") ? body.text("name", longest_name) : "";
  const std::string billing_name = body.optional_text("billing_name", longest_billing_name);
  const std::string address = body.optional_text("billing_address", longest_address);
  const std::string email = body.optional_text("billing_email", longest_email);
  if (body.fault()) return *body.fault();

  return forgetting(
      call, write_once(call, [&](db::Session& db) -> Result<http::Reply> {
        store::hold(db, call.organization());
        const Details before = details_of(call, db);
        if (auto refused = mismatch(call, etag_of(settings_of(before)))) return *std::move(refused);
        Details after = before;
        if (!name.empty()) after.organization.name = name;
        if (body.has("billing_name")) after.billing.name = billing_name;
        if (body.has("billing_address")) after.billing.address = address;
        if (body.has("billing_email")) after.billing.email = email;
        if (const auto set = store::set_billing(db, call.organization(), after.billing); !set) {
          return set.error();
        }
        if (!name.empty()) {
          const auto renamed = store::rename_organization(db, call.organization(), name);
          if (!renamed) return renamed.error();
        }
        audit(call, db,
              {.action = "organization.change",
               .name = before.organization.name,
               .id = before.organization.id,
               .before = settings_of(before),
               .after = settings_of(after)});
        return shown(after);
      }));
}

}  // namespace cupola::api
