#include "store/secrets.h"

#include "api/cloud/handlers.h"
#include "api/cloud/inner.h"
#include "api/cloud/paging.h"
#include "api/handlers.h"
#include "api/input.h"
#include "api/lookup.h"

namespace cupola::api::cloud {
namespace {

constexpr std::size_t longest_name = 255;
constexpr std::size_t longest_value = 64u << 10;

}  // namespace

/// GET gives the names of what all deployments of the project are given; those of one deployment
/// alone the CLI does not know.
Result<http::Reply> list_secrets(const Call& call) {
  std::vector<Item> items;
  const auto found = call.context.database.read([&](db::Session& db) -> Result<void> {
    const auto project = project_of(call, db);
    if (!project) return project.error();
    for (const store::SecretName& secret :
         store::list_secrets(db, call.context.vault, call.organization(), project->key)) {
      if (!secret.deployment) items.push_back({secret.name, {{"name", secret.name}}});
    }
    return {};
  });
  if (!found) return found.error();
  return page_of_all(call, "secrets", std::move(items));
}

/// PUT sets or replaces: 204.
Result<http::Reply> set_secret(const Call& call) {
  Body body(call, {"name", "value"});
  const std::string name = body.text("name", longest_name);
  const std::string value = body.text("value", longest_value);
  if (body.fault()) return *body.fault();
  const json::object wanted{{"value", value}};
  const auto set = api::set_secret(Inner(call, wanted, {{"name", name}}).call());
  if (!set) return set.error();
  return http::Reply{.status = 204};
}

Result<http::Reply> delete_secret(const Call& call) {
  return api::delete_secret(Inner(call).call());
}

}  // namespace cupola::api::cloud
