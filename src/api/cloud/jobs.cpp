// Runs, which the cloud CLI calls jobs or executions.

#include <algorithm>

#include "api/cloud/glob.h"
#include "api/cloud/handlers.h"
#include "api/cloud/inner.h"
#include "api/cloud/objects.h"
#include "api/cloud/paging.h"
#include "api/cloud/place.h"
#include "api/handlers.h"
#include "api/input.h"
#include "api/lookup.h"
#include "base/text.h"
#include "store/runs.h"

namespace cupola::api::cloud {
namespace {

constexpr std::string_view list = "jobs";
/// A page looks at so many runs at most; where few of them are wanted it is short, and the CLI asks
/// for the next.
constexpr int most_looked_at = 2000;
constexpr int looked_at_once = 200;
/// A long one of many stars would take long to compare.
constexpr std::size_t longest_pattern = 300;

struct Filter {
  std::string schedule;
  std::string deployment;
  std::optional<Outcome::Result> result;
  std::optional<Instant> since;

  bool takes(const store::ListedRun& listed, const store::Deployment& of) const {
    const store::Run& run = listed.run;
    if (run.status == store::RunStatus::skipped) return false;
    if (result && outcome_of(run).result != *result) return false;
    if (since && run.started_at.value_or(run.queued_at) < *since) return false;
    if (!schedule.empty() && !matches(schedule, run.schedule_name.value_or(join(run.tasks, " ")))) {
      return false;
    }
    return deployment.empty() || matches(deployment, of.slug) || matches(deployment, of.name);
  }
};

Filter filter_of(Query& query) {
  Filter filter{.schedule = query.text("schedule"),
                .deployment = query.text("deployment"),
                .result = {},
                .since = query.instant("start_time")};
  if (std::max(filter.schedule.size(), filter.deployment.size()) > longest_pattern) {
    query.refuse("A pattern has at most 300 bytes.");
  }
  const std::string result = query.text("result");
  if (result == "success") {
    filter.result = Outcome::Result::success;
  } else if (result == "failed") {
    filter.result = Outcome::Result::failed;
  } else if (result == "running") {
    filter.result = Outcome::Result::running;
  } else if (!result.empty()) {
    query.refuse("?result= is " + cupola::quoted(result) + ".",
                 "There are: success, failed, running.");
  }
  return filter;
}

/// What the store can narrow by itself.
store::RunFilter narrowed(const Call& call, const Filter& filter, const ProjectKey& project) {
  store::RunFilter narrow{.project = project, .deployment = call.member.reach.deployment};
  if (filter.result == Outcome::Result::success) narrow.status = store::RunStatus::succeeded;
  // A run may wait in the queue so long before it starts.
  if (filter.since) narrow.since = *filter.since - store::queue_deadline;
  return narrow;
}

Result<http::Reply> page_of_jobs(const Call& call, db::Session& db, const Filter& filter,
                                 const Page& page) {
  const Result<store::Project> project = project_of(call, db);
  if (!project) return project.error();
  Names names(db);  // of deleted deployments too: their runs are history
  store::RunFilter narrow = narrowed(call, filter, project->key);
  narrow.before = page.after;
  json::array results;
  for (int looked_at = 0; looked_at < most_looked_at; looked_at += looked_at_once) {
    const store::RunPage some = store::list_runs(db, call.organization(), narrow, looked_at_once);
    for (const store::ListedRun& listed : some.runs) {
      if (results.size() == static_cast<std::size_t>(page.size)) {
        return page_reply(std::move(results), token_of(call, list, narrow.before), page.size);
      }
      narrow.before = store::run_cursor(listed.run);
      const store::Deployment& of = names.deployment(listed.run.deployment);
      if (filter.takes(listed, of)) results.emplace_back(execution_object(listed, of.slug));
    }
    if (some.next.empty()) return page_reply(std::move(results), "", page.size);
  }
  return page_reply(std::move(results), token_of(call, list, narrow.before), page.size);
}

}  // namespace

Result<store::ListedRun> job_of(const Call& call, db::Session& db) {
  const Result<store::Project> project = project_of(call, db);
  if (!project) return project.error();
  Result<store::ListedRun> listed = run_of(call, db);
  if (listed && listed->run.project != project->key) {
    return Error{Error::Kind::not_found, "The project has no such run."};
  }
  return listed;
}

/// POST starts a schedule or a job: 200. The CLI takes 400 for "there is no such schedule".
Result<http::Reply> start_run(const Call& call) {
  const json::object wanted{{"name", call.in_path("schedule")}};
  const Result<http::Reply> started = api::start_run(Inner(call, wanted).call());
  if (!started && started.error().kind == Error::Kind::not_found) {
    Error error = started.error();
    error.kind = Error::Kind::malformed;
    return error;
  }
  if (!started) return started.error();
  const Result<json::value> run = parse_json(started->body);
  const std::string id = run && run->is_object() ? text_at(run->get_object(), "id") : "";
  return json_reply(200, {{"execution_id", id}});
}

Result<http::Reply> list_jobs(const Call& call) {
  Query query(call);
  const Page page = page_of(call, query, list);
  const Filter filter = filter_of(query);
  if (!page.after.empty() && !store::is_run_cursor(page.after)) query.refuse_cursor("page_token");
  if (query.fault()) return *query.fault();
  return call.context.database.read(
      [&](db::Session& db) { return page_of_jobs(call, db, filter, page); });
}

/// DELETE stops a run: 200. One that is over is a 400 whose detail the CLI prints.
Result<http::Reply> stop_job(const Call& call) {
  const auto job = call.context.database.read(
      [&](db::Session& db) -> Result<store::ListedRun> { return job_of(call, db); });
  if (!job) return job.error();
  const std::string& id = job->run.id.text();
  const Result<http::Reply> stopped = stop_run(Inner(call).call());
  if (stopped) return json_reply(200, {{"execution_id", id}, {"reason", "Stopped by hand."}});
  if (stopped.error().kind != Error::Kind::conflict) return stopped.error();
  return json_reply(400, {{"detail", json_text(stopped.error().message)}, {"status", "STOPPED"}});
}

}  // namespace cupola::api::cloud
