#include "testing/tenant.h"

#include "base/check.h"
#include "store/release_content.h"

namespace cupola::testing {

Tenant add_tenant(db::Session& db, std::string_view name, Instant now) {
  auto organization = store::create_organization(db, name, now);
  CUPOLA_CHECK(organization.has_value());
  auto project = store::create_project(db, organization->key, name,
                                       "https://git.example/" + std::string(name), ".", now);
  CUPOLA_CHECK(project.has_value());
  auto deployment =
      store::create_deployment(db, organization->key, project->key, name, "prod", "main", now);
  CUPOLA_CHECK(deployment.has_value());
  return {.organization = *organization, .project = *project, .deployment = *deployment};
}

ReleaseKey switch_to(db::Session& db, const Tenant& tenant, const store::ReleaseContent& content,
                     Instant now, std::string_view plan) {
  const auto queued = store::queue_release(db, tenant.deployment, {}, now);
  const auto claimed = store::claim_release(db, "test", now, 1min);
  CUPOLA_CHECK(claimed && claimed->key == queued.key);
  const auto switched = store::switch_over(db,
                                           {.release = queued.key,
                                            .worker = "test",
                                            .commit = content.commit,
                                            .content = store::to_json_text(content),
                                            .lock = "{}",
                                            .plan = std::string(plan)},
                                           now);
  CUPOLA_CHECK(switched.has_value());
  return queued.key;
}

store::Release add_live_release(db::Session& db, const Tenant& tenant,
                                const std::vector<store::ReleasedSchedule>& schedules,
                                Instant now) {
  store::ReleaseContent content;
  content.commit = std::string(40, 'a');
  content.directory = ".";
  content.environment = "prod";
  for (const auto& schedule : schedules) {
    content.schedules.push_back(
        {.settings = schedule, .command = {"run", "tap-a", "target-b"}, .env = {}, .job = ""});
  }
  const ReleaseKey release = switch_to(db, tenant, content, now);
  store::replace_schedules(
      db, tenant.deployment.key, schedules, [] { return std::chrono::minutes{0}; }, now);
  return *store::find_release(db, release);
}

store::NewRun new_run(const Tenant& tenant, Instant due_at) {
  return {.id = new_id<RunId>(),
          .organization = tenant.organization.key,
          .project = tenant.project.key,
          .deployment = tenant.deployment.key,
          .tasks = {"tap-a", "target-b"},
          .due_at = due_at,
          .state_ids = {}};
}

}  // namespace cupola::testing
