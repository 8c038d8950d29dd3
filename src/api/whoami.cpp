#include "api/handlers.h"
#include "api/to_json.h"
#include "store/members.h"

namespace cupola::api {
namespace {

/// The organizations that a person belongs to. A token that is limited, and a service account, are
/// told of their own alone.
json::array organizations_of(const store::Member& member, db::Session& db) {
  if (member.is_service || !member.reach.is_all() || !member.has_whole_role) {
    return {json::object{
        {"name", member.organization_name}, {"role", to_text(member.role)}, {"current", true}}};
  }
  json::array all;
  for (const store::Belonging& belonging : store::organizations_of(db, member.user)) {
    all.push_back(json::object{{"name", belonging.name},
                               {"role", to_text(belonging.role)},
                               {"current", belonging.organization == member.organization}});
  }
  return all;
}

}  // namespace

/// GET /api/v1/whoami gives who the token stands for, and what it is limited to.
Result<http::Reply> show_caller(const Call& call) {
  const store::Member& member = call.member;
  return call.context.database.read([&](db::Session& db) -> Result<http::Reply> {
    json::value project;
    json::value deployment;
    if (member.reach.project) {
      const auto found = store::find_project(db, *member.reach.project);
      if (found) project = {{"id", found->id}, {"name", found->name}};
    }
    if (member.reach.deployment) {
      const auto found = store::find_deployment(db, *member.reach.deployment);
      if (found) deployment = found->name;
    }
    return json_reply(200, {{"login", json_text(member.login)},
                            {"kind", member.is_service ? "service_account" : "user"},
                            {"role", to_text(member.role)},
                            {"organization",
                             {{"id", member.organization_id},
                              {"name", member.organization_name},
                              {"account_number", member.account_number}}},
                            {"organizations", organizations_of(member, db)},
                            {"project", std::move(project)},
                            {"deployment", std::move(deployment)},
                            {"token", json_text(member.token_name)},
                            {"token_id", member.token_id},
                            {"expires_at", or_null(member.token_expires)}});
  });
}

}  // namespace cupola::api
