#include "store/runs.h"

#include "api/audit.h"
#include "api/cursor.h"
#include "api/handlers.h"
#include "api/input.h"
#include "api/lookup.h"
#include "api/page_cache.h"
#include "api/to_json.h"
#include "base/crash_point.h"
#include "base/text.h"

namespace cupola::api {
namespace {

Error no_run() {
  return {Error::Kind::not_found, "There is no such run.",
          "`cupola history` shows those there are."};
}

/// {run}: 32 hex digits, also with the dashes of a UUID.
std::optional<RunId> run_id_of(const Call& call) {
  std::string text = to_lower(call.in_path("run"));
  std::erase(text, '-');
  if (!is_uuid_hex(text)) return std::nullopt;
  return RunId(text);
}

std::optional<store::RunStatus> status_of(Query& query) {
  const std::string text = query.text("status");
  if (text.empty()) return std::nullopt;
  const std::optional<store::RunStatus> status = store::parse_run_status(text);
  if (!status) {
    query.refuse("?status= is " + cupola::quoted(text) + ", which is no status of a run.",
                 "There are: queued, starting, running, stopping, succeeded, failed, cancelled, "
                 "timed_out, lost, skipped.");
  }
  return status;
}

}  // namespace

Result<store::ListedRun> run_of(const Call& call, db::Session& db) {
  const std::optional<RunId> id = run_id_of(call);
  if (!id) return no_run();
  const auto listed = store::find_listed_run(db, call.organization(), *id);
  if (!listed) return no_run();
  const store::Reach& reach = call.member.reach;
  if (reach.project && *reach.project != listed->run.project) return no_run();
  if (reach.deployment && *reach.deployment != listed->run.deployment) return no_run();
  return *listed;
}

/// GET /api/v1/runs gives a page of runs, newest first.
Result<http::Reply> list_runs(const Call& call) {
  if (std::optional<std::string> kept = call.pages.find(call)) {
    return http::Reply{.body = std::move(*kept)};
  }
  const std::uint64_t writes = call.context.database.writes();
  Query query(call);
  const int limit = query.limit();
  store::RunFilter filter{
      .status = status_of(query), .since = query.instant("since"), .until = query.instant("until")};
  if (const std::string name = query.text("schedule"); !name.empty()) filter.schedule_name = name;
  filter.before = name_cursor(query, "runs");
  if (!filter.before.empty() && !store::is_run_cursor(filter.before)) query.refuse_cursor();
  if (query.fault()) return *query.fault();

  return call.context.database.read([&](db::Session& db) -> Result<http::Reply> {
    const Result<Scope> scope = scope_of(call, db);
    if (!scope) return scope.error();
    filter.project = scope->project;
    filter.deployment = scope->deployment;
    const store::RunPage page = store::list_runs(db, call.organization(), filter, limit);
    http::Reply reply;
    reply.body.reserve(page.runs.size() * 900 + 64);
    reply.body = "{\"runs\":[";
    for (const store::ListedRun& listed : page.runs) {
      if (reply.body.back() != '[') reply.body += ',';
      reply.body += to_json_text(listed);
    }
    reply.body += "],\"next\":";
    reply.body += page.next.empty() ? "null}" : "\"" + name_cursor_of("runs", page.next) + "\"}";
    call.pages.keep(call, writes, reply.body);
    return reply;
  });
}

Result<http::Reply> show_run(const Call& call) {
  return call.context.database.read([&](db::Session& db) -> Result<http::Reply> {
    const Result<store::ListedRun> listed = run_of(call, db);
    if (!listed) return listed.error();
    return http::Reply{.body = to_json_text(
                           *listed, store::list_attempts(db, call.organization(), listed->run.id))};
  });
}

/// POST …/stop asks for an end: 200 with the run, which is cancelled at once when it was queued.
Result<http::Reply> stop_run(const Call& call) {
  const Body body(call, {});
  if (body.fault()) return *body.fault();
  Result<http::Reply> reply = write_once(call, [&](db::Session& db) -> Result<http::Reply> {
    const Result<store::ListedRun> listed = run_of(call, db);
    if (!listed) return listed.error();
    const Result<store::Run> stopped =
        store::request_stop(db, call.organization(), listed->run.id, "user", call.now);
    if (!stopped) return stopped.error();
    store::ListedRun shown = *listed;
    shown.run = *stopped;
    audit(call, db,
          {.action = "run.stop",
           .name = shown.run.schedule_name.value_or(join(shown.run.tasks, " ")),
           .id = shown.run.id.text(),
           .project = shown.project_name,
           .deployment = shown.deployment_name,
           .before = json::object{{"status", to_text(listed->run.status)}},
           .after = json::object{{"status", to_text(shown.run.status)}}});
    return http::Reply{.body = to_json_text(shown)};
  });
  if (reply) {
    crash_point("stop.asked");
    call.context.hooks.wake_runner();
  }
  return reply;
}

}  // namespace cupola::api
