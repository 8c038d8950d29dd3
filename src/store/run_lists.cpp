// Reading runs: one, those that wait for something, and pages of the history.

#include <algorithm>
#include <charconv>
#include <iterator>

#include <fmt/format.h>

#include "store/run_rows.h"

namespace cupola::store {
namespace {

#define LISTED_FROM                                                  \
  ", coalesce(p.name, ''), coalesce(d.name, ''), r.number FROM runs" \
  " LEFT JOIN projects p ON p.key = runs.project_key"                \
  " LEFT JOIN deployments d ON d.key = runs.deployment_key"          \
  " LEFT JOIN releases r ON r.key = runs.release_key"

ListedRun to_listed_run(const db::Row& row) {
  return {.run = to_run(row),
          .project_name = row.get<std::string>(run_column_count),
          .deployment_name = row.get<std::string>(run_column_count + 1),
          .release_number = row.get<std::optional<std::int64_t>>(run_column_count + 2)};
}

struct Position {
  Instant queued_at;
  std::string id;
};

std::optional<Position> parse_cursor(std::string_view cursor) {
  std::int64_t milliseconds = 0;
  const char* end = cursor.data() + cursor.size();
  const auto [stop, error] = std::from_chars(cursor.data(), end, milliseconds);
  if (error != std::errc{} || stop == end || *stop != '.') return std::nullopt;
  const std::string_view id(stop + 1, static_cast<std::size_t>(end - stop - 1));
  if (!is_uuid_hex(id)) return std::nullopt;
  return Position{.queued_at = from_milliseconds(milliseconds), .id = std::string(id)};
}

/// The schedule's key, where the name means one: its own index then finds its runs.
std::optional<ScheduleKey> key_of(db::Session& db, const OrganizationKey& organization,
                                  const DeploymentKey& deployment, const std::string& name) {
  return db.one(R"sql(
      SELECT key FROM schedules WHERE organization_key = :organization
        AND deployment_key = :deployment AND name = :name)sql",
                [](const db::Row& row) { return row.get<ScheduleKey>(0); },
                {{"organization", organization}, {"deployment", deployment}, {"name", name}});
}

/// A query that grows with the conditions of a filter. Which are there decides its text, so there
/// are few texts; the status is among them, because the index of rare ones is bound to the words.
class ListQuery {
 public:
  ListQuery(const OrganizationKey& organization, int limit)
      : sql_("SELECT " RUN_COLUMNS LISTED_FROM " WHERE runs.organization_key = :organization"),
        params_{{"organization", organization}, {"limit", limit}} {}

  template <typename T>
  void where(std::string_view condition, std::string_view name, const T& value) {
    sql_ += fmt::format(" AND {} :{}", condition, name);
    params_.emplace_back(name, value);
  }
  void where_status(RunStatus status) {
    sql_ += fmt::format(" AND runs.status = '{}'", to_text(status));
  }
  void where_of_backfill() { sql_ += " AND runs.triggered_by = 'backfill'"; }
  void where_before(const Position& position) {
    sql_ += " AND (runs.queued_at, runs.id) < (:cursor_time, :cursor_id)";
    params_.emplace_back("cursor_time", position.queued_at);
    params_.emplace_back("cursor_id", position.id);
  }
  std::vector<ListedRun> run(db::Session& db) {
    sql_ += " ORDER BY runs.queued_at DESC, runs.id DESC LIMIT :limit";
    return db.all(sql_, to_listed_run, params_);
  }

 private:
  std::string sql_;
  db::Params params_;
};

/// Puts more runs among those of a page, newest first, and keeps so many.
void merge(std::vector<ListedRun>& page, std::vector<ListedRun> more, std::size_t most) {
  const auto middle = static_cast<std::ptrdiff_t>(page.size());
  std::move(more.begin(), more.end(), std::back_inserter(page));
  std::inplace_merge(
      page.begin(), page.begin() + middle, page.end(), [](const ListedRun& a, const ListedRun& b) {
        return std::pair(a.run.queued_at, a.run.id) > std::pair(b.run.queued_at, b.run.id);
      });
  if (page.size() > most) page.resize(most);
}

}  // namespace

bool is_run_cursor(std::string_view text) {
  return parse_cursor(text).has_value();
}

std::string run_cursor(const Run& run) {
  return fmt::format("{}.{}", to_milliseconds(run.queued_at), run.id.text());
}

RunPage list_runs(db::Session& db, const OrganizationKey& organization, const RunFilter& filter,
                  int limit) {
  ListQuery query(organization, limit + 1);
  if (filter.project) query.where("runs.project_key =", "project", *filter.project);
  std::optional<ScheduleKey> schedule;
  if (filter.schedule_name && filter.deployment) {
    schedule = key_of(db, organization, *filter.deployment, *filter.schedule_name);
  }
  if (schedule) {
    query.where("runs.schedule_key =", "schedule", *schedule);
  } else {
    if (filter.deployment) query.where("runs.deployment_key =", "deployment", *filter.deployment);
    if (filter.schedule_name) query.where("runs.schedule_name =", "name", *filter.schedule_name);
  }
  const auto position = filter.before.empty() ? std::nullopt : parse_cursor(filter.before);
  if (!filter.before.empty() && !position) return {};
  const auto run_with_the_rest = [&](ListQuery& one) {
    if (filter.status) one.where_status(*filter.status);
    if (filter.since) one.where("runs.queued_at >=", "since", *filter.since);
    if (filter.until) one.where("runs.queued_at <", "until", *filter.until);
    if (position) one.where_before(*position);
    return one.run(db);
  };

  RunPage page{.runs = run_with_the_rest(query), .next = ""};
  if (schedule) {
    // Runs of its backfills have its name alone, and an index of their own.
    ListQuery backfills(organization, limit + 1);
    backfills.where("runs.deployment_key =", "deployment", *filter.deployment);
    backfills.where("runs.schedule_name =", "name", *filter.schedule_name);
    backfills.where_of_backfill();
    merge(page.runs, run_with_the_rest(backfills), static_cast<std::size_t>(limit) + 1);
  }
  if (page.runs.size() > static_cast<std::size_t>(limit)) {
    page.runs.pop_back();
    if (!page.runs.empty()) page.next = run_cursor(page.runs.back().run);
  }
  return page;
}

std::optional<ListedRun> find_listed_run(db::Session& db, const OrganizationKey& organization,
                                         const RunId& id) {
  return db.one("SELECT " RUN_COLUMNS LISTED_FROM
                " WHERE runs.organization_key = :organization AND runs.id = :id",
                to_listed_run, {{"organization", organization}, {"id", id}});
}

std::optional<Run> find_run(db::Session& db, const OrganizationKey& organization, const RunId& id) {
  return db.one("SELECT " RUN_COLUMNS
                " FROM runs"
                " WHERE runs.organization_key = :organization AND runs.id = :id",
                to_run, {{"organization", organization}, {"id", id}});
}

std::optional<Run> find_run(db::Session& db, const RunId& id) {
  return db.one("SELECT " RUN_COLUMNS " FROM runs WHERE runs.id = :id", to_run, {{"id", id}});
}

std::vector<Run> list_open_runs(db::Session& db, std::string_view worker) {
  if (worker.empty()) {
    return db.all("SELECT " RUN_COLUMNS " FROM runs WHERE " RUN_IS_OPEN
                  " ORDER BY runs.worker, runs.id",
                  to_run);
  }
  return db.all("SELECT " RUN_COLUMNS " FROM runs WHERE runs.worker = :worker AND " RUN_IS_OPEN
                " ORDER BY runs.worker, runs.id",
                to_run, {{"worker", worker}});
}

std::vector<Run> list_overdue_queued_runs(db::Session& db, Instant now, int limit) {
  // A deadline is never before the due time, so the queue's own index bounds the search.
  return db.all("SELECT " RUN_COLUMNS R"sql( FROM runs
      WHERE runs.status = 'queued' AND runs.due_at <= :now AND runs.deadline < :now
      ORDER BY runs.due_at, runs.id LIMIT :limit)sql",
                to_run, {{"now", now}, {"limit", limit}});
}

std::vector<Run> list_unfinished_runs(db::Session& db, const ScheduleKey& schedule) {
  return db.all("SELECT " RUN_COLUMNS R"sql( FROM runs
      WHERE runs.deployment_key = (SELECT deployment_key FROM schedules WHERE key = :schedule)
        AND runs.schedule_key = :schedule AND runs.ended_at IS NULL
      ORDER BY runs.due_at, runs.id)sql",
                to_run, {{"schedule", schedule}});
}

}  // namespace cupola::store
