#include "api/cloud/objects.h"

#include <fmt/format.h>

#include "base/text.h"

namespace cupola::api::cloud {
namespace {

constexpr const char* none = "N/A";
/// As the shell has them: 128 and SIGTERM, `timeout`, 128 and SIGKILL.
constexpr int cancelled_code = 143;
constexpr int timed_out_code = 124;
constexpr int lost_code = 137;

int failure_code(const store::Run& run) {
  if (run.exit_code && *run.exit_code != 0) return *run.exit_code;
  return run.exit_signal ? 128 + *run.exit_signal : 1;
}

json::string text(std::string_view given) {
  return json_text(given);
}

}  // namespace

std::string time_text(Instant instant) {
  const auto second = std::chrono::floor<std::chrono::seconds>(instant);
  std::string whole = to_rfc3339(second);
  whole.pop_back();  // its Z
  return fmt::format("{}.{:03}000+00:00", whole, (instant - second).count());
}

json::object project_object(const store::Project& project, const std::string& organization_id) {
  return {{"tenant_resource_key", organization_id},
          {"project_id", project.id},
          {"project_name", text(project.name)},
          {"git_repository", text(project.repository)},
          {"project_root_path", text(project.directory)}};
}

json::object deployment_object(const store::Deployment& deployment, const store::Release& live) {
  return {{"deployment_name", deployment.slug},
          {"environment_name", text(deployment.environment)},
          {"git_rev", text(deployment.revision)},
          {"git_rev_hash", live.commit.value_or("")},
          {"last_deployed_timestamp", time_text(live.live_at.value_or(live.created_at))}};
}

json::object schedule_object(const store::Schedule& schedule, const store::Deployment& deployment) {
  return {{"deployment_name", deployment.slug},
          {"schedule_name", text(schedule.name)},
          {"interval", text(schedule.interval)},
          {"enabled", schedule.enabled}};
}

Outcome outcome_of(const store::Run& run) {
  using enum Outcome::Result;
  switch (run.status) {
    case store::RunStatus::succeeded:
      return {success, 0};
    case store::RunStatus::failed:
      return {failed, failure_code(run)};
    case store::RunStatus::cancelled:
      return {failed, cancelled_code};
    case store::RunStatus::timed_out:
      return {failed, timed_out_code};
    case store::RunStatus::lost:
      return {failed, lost_code};
    default:
      return {running, std::nullopt};
  }
}

json::object execution_object(const store::ListedRun& listed, const std::string& deployment_slug) {
  const store::Run& run = listed.run;
  const Outcome outcome = outcome_of(run);
  const bool is_over = outcome.result != Outcome::Result::running;
  const std::string tasks = join(run.tasks, " ");
  return {
      {"execution_id", run.id.text()},
      {"start_time", time_text(run.started_at.value_or(run.queued_at))},
      {"end_time", run.ended_at && is_over ? json::value(time_text(*run.ended_at)) : json::value()},
      {"status", is_over ? "STOPPED" : "RUNNING"},
      {"exit_code", outcome.exit_code ? json::value(*outcome.exit_code) : json::value()},
      {"deployment_name", deployment_slug},
      {"schedule_name", run.schedule_name ? json::value(text(*run.schedule_name))
                        : tasks.empty()   ? json::value(none)
                                          : json::value(text(tasks))},
      {"job_name",
       tasks.empty() || run.schedule_name ? json::value(none) : json::value(text(tasks))}};
}

}  // namespace cupola::api::cloud
