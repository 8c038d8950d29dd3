#include "store/secrets.h"

#include "api/audit.h"
#include "api/handlers.h"
#include "api/input.h"
#include "api/lookup.h"

namespace cupola::api {
namespace {

constexpr std::size_t longest_value = 64u << 10;

/// {project}, and the deployment that ?deployment= narrows it to.
struct Owner {
  store::Project project;
  std::optional<DeploymentKey> deployment;
  std::string deployment_name;
};

/// Names alone: the value is nobody's to see.
Change change_of(const Call& call, const Owner& owner, const char* action) {
  return {.action = action,
          .name = call.in_path("name"),
          .project = owner.project.name,
          .deployment = owner.deployment_name};
}

Result<Owner> owner_of(const Call& call, db::Session& db) {
  const Result<store::Project> project = project_of(call, db);
  if (!project) return project.error();
  const std::string* name = call.request.query_value("deployment");
  if (name == nullptr) return Owner{*project, std::nullopt, ""};
  const Result<store::Deployment> deployment = deployment_of(call, db, *project, *name);
  if (!deployment) return deployment.error();
  return Owner{*project, deployment->key, deployment->name};
}

}  // namespace

/// GET …/secrets gives names; a value is never shown again.
Result<http::Reply> list_secrets(const Call& call) {
  return call.context.database.read([&](db::Session& db) -> Result<http::Reply> {
    const Result<store::Project> project = project_of(call, db);
    if (!project) return project.error();
    Names names(db);
    json::array items;
    for (const store::SecretName& secret :
         store::list_secrets(db, call.organization(), project->key)) {
      items.push_back(
          {{"name", secret.name},
           {"deployment", secret.deployment ? json::value(names.deployment(*secret.deployment).name)
                                            : json::value()},
           {"updated_at", to_rfc3339(secret.updated_at)}});
    }
    return list_reply("secrets", std::move(items));
  });
}

Result<http::Reply> set_secret(const Call& call) {
  Body body(call, {"value"});
  const Secret value(body.text("value", longest_value));
  if (body.fault()) return *body.fault();

  return write_once(call, [&](db::Session& db) -> Result<http::Reply> {
    const Result<Owner> owner = owner_of(call, db);
    if (!owner) return owner.error();
    const Result<void> set =
        store::set_secret(db, call.context.vault, call.organization(), owner->project.key,
                          owner->deployment, call.in_path("name"), value, call.now);
    if (!set) return set.error();
    audit(call, db, change_of(call, *owner, "secret.set"));
    return http::Reply{.status = 204};
  });
}

Result<http::Reply> delete_secret(const Call& call) {
  return write_once(call, [&](db::Session& db) -> Result<http::Reply> {
    const Result<Owner> owner = owner_of(call, db);
    if (!owner) return owner.error();
    if (!store::delete_secret(db, call.organization(), owner->project.key, owner->deployment,
                              call.in_path("name"))) {
      return Error{Error::Kind::not_found, "There is no such secret.",
                   "One of a deployment is named with ?deployment=."};
    }
    audit(call, db, change_of(call, *owner, "secret.delete"));
    return http::Reply{.status = 204};
  });
}

}  // namespace cupola::api
