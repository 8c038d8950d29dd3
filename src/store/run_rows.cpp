#include "store/run_rows.h"

#include "base/json.h"
#include "store/columns.h"

namespace cupola::store {
namespace {

constexpr Words<RunStatus, 10> status_words = {{{RunStatus::queued, "queued"},
                                                {RunStatus::starting, "starting"},
                                                {RunStatus::running, "running"},
                                                {RunStatus::stopping, "stopping"},
                                                {RunStatus::succeeded, "succeeded"},
                                                {RunStatus::failed, "failed"},
                                                {RunStatus::cancelled, "cancelled"},
                                                {RunStatus::timed_out, "timed_out"},
                                                {RunStatus::lost, "lost"},
                                                {RunStatus::skipped, "skipped"}}};
constexpr Words<Trigger, 4> trigger_words = {{{Trigger::schedule, "schedule"},
                                              {Trigger::manual, "manual"},
                                              {Trigger::catch_up, "catch_up"},
                                              {Trigger::backfill, "backfill"}}};

/// What most runs have: read without a parser, because lists read it for each run.
constexpr std::string_view plain_options = "{}";

RunOptions options_from(std::string_view column) {
  RunOptions options;
  if (column == plain_options) return options;
  const auto value = parse_json(column);
  if (!value || !value->is_object()) {
    throw Failure("The database holds something else than options of a run: " +
                  std::string(column.substr(0, 100)));
  }
  const json::object& object = value->get_object();
  options.full_refresh = flag_at(object, "full_refresh");
  options.state_id_suffix = text_at(object, "state_id_suffix");
  if (const auto* env = object.if_contains("env"); env != nullptr && env->is_object()) {
    for (const auto& [name, text] : env->get_object()) {
      if (text.is_string()) options.env.emplace(name, text.get_string());
    }
  }
  if (const auto* part = object.if_contains("backfill"); part != nullptr && part->is_object()) {
    const json::object& backfill = part->get_object();
    options.backfill = BackfillPart{.number = number_at(backfill, "number"),
                                    .start = from_milliseconds(number_at(backfill, "start")),
                                    .end = from_milliseconds(number_at(backfill, "end"))};
  }
  return options;
}

std::optional<credits::Cost> cost_from(const db::Row& row, std::size_t first) {
  const auto base = row.get<std::optional<std::int64_t>>(first);
  if (!base) return std::nullopt;
  return credits::Cost{
      .base = {*base},
      .run_time = {row.get<std::int64_t>(first + 1)},
      .egress = credits::amount_of(row.get<std::optional<std::int64_t>>(first + 2))};
}

}  // namespace

std::string_view to_text(RunStatus status) {
  return word_for(status_words, status);
}
std::optional<RunStatus> parse_run_status(std::string_view text) {
  return value_for(status_words, text);
}
bool is_final(RunStatus status) {
  return status != RunStatus::queued && status != RunStatus::starting &&
         status != RunStatus::running && status != RunStatus::stopping;
}
std::string_view to_text(Trigger trigger) {
  return word_for(trigger_words, trigger);
}

RunStatus status_from(std::string_view word) {
  return value_in_column(status_words, word);
}

Trigger trigger_from(std::string_view word) {
  return value_in_column(trigger_words, word);
}

Run to_run(const db::Row& row) {
  return {.id = row.get<RunId>(0),
          .organization = row.get<OrganizationKey>(1),
          .project = row.get<ProjectKey>(2),
          .deployment = row.get<DeploymentKey>(3),
          .release = row.get<std::optional<ReleaseKey>>(4),
          .schedule = row.get<std::optional<ScheduleKey>>(5),
          .schedule_name = row.get<std::optional<std::string>>(6),
          .tasks = texts_from(row.get<std::string_view>(7)),
          .trigger = trigger_from(row.get<std::string_view>(8)),
          .status = status_from(row.get<std::string_view>(9)),
          .scheduled_at = row.get<std::optional<Instant>>(10),
          .due_at = row.get<Instant>(11),
          .fire_due_at = row.get<std::optional<Instant>>(37),
          .queued_at = row.get<Instant>(12),
          .started_at = row.get<std::optional<Instant>>(13),
          .ended_at = row.get<std::optional<Instant>>(14),
          .deadline = row.get<Instant>(15),
          .exit_code = row.get<std::optional<int>>(16),
          .exit_signal = row.get<std::optional<int>>(17),
          .out_of_memory = row.get<bool>(18),
          .peak_memory = row.get<std::optional<std::int64_t>>(19),
          .cpu_time = row.get<std::optional<std::chrono::milliseconds>>(20),
          .egress_bytes = row.get<std::optional<std::int64_t>>(34),
          .attempt = row.get<int>(21),
          .most_attempts = row.get<int>(35),
          .retry_wait = row.get<std::chrono::milliseconds>(36),
          .stands_for = row.get<std::int64_t>(22),
          .cause = row.get<std::optional<std::string>>(23),
          .cancel_code = row.get<std::optional<std::string>>(24),
          .sandbox = row.get<std::optional<std::string>>(25),
          .options = options_from(row.get<std::string_view>(26)),
          .state_ids = texts_from(row.get<std::string_view>(27)),
          .run_timeout = row.get<std::chrono::milliseconds>(28),
          .stop_requested_at = row.get<std::optional<Instant>>(29),
          .worker = row.get<std::optional<std::string>>(30),
          .lease_token = row.get<std::int64_t>(31),
          .log_lines = row.get<std::optional<std::int64_t>>(32),
          .log_kept = row.get<bool>(33),
          .is_frequent = row.get<std::optional<bool>>(38),
          .cost = cost_from(row, 39)};
}

std::string to_column(const RunOptions& options) {
  json::object object;
  if (options.full_refresh) object["full_refresh"] = true;
  if (!options.state_id_suffix.empty()) {
    object["state_id_suffix"] = json_text(options.state_id_suffix);
  }
  if (!options.env.empty()) {
    json::object env;
    for (const auto& [name, text] : options.env) env[name] = json_text(text);
    object["env"] = std::move(env);
  }
  if (options.backfill) {
    object["backfill"] = {{"number", options.backfill->number},
                          {"start", to_milliseconds(options.backfill->start)},
                          {"end", to_milliseconds(options.backfill->end)}};
  }
  return object.empty() ? std::string(plain_options) : json::serialize(object);
}

void put_state_ids(db::Session& db, const RunId& run, const ProjectKey& project,
                   const std::vector<std::string>& state_ids) {
  for (const std::string& state_id : state_ids) {
    db.execute(R"sql(
        INSERT INTO run_state_ids (run_id, project_key, state_id)
        VALUES (:run, :project, :state_id) ON CONFLICT DO NOTHING)sql",
               {{"run", run}, {"project", project}, {"state_id", state_id}});
  }
}

void drop_state_ids(db::Session& db, const RunId& run) {
  db.execute("DELETE FROM run_state_ids WHERE run_id = :run", {{"run", run}});
}

void release_locks(db::Session& db, const RunId& run) {
  db.execute("DELETE FROM run_locks WHERE run_id = :run", {{"run", run}});
}

}  // namespace cupola::store
