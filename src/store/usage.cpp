#include "store/usage.h"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>

#include "store/columns.h"

namespace cupola::store {
namespace {

constexpr Words<UsageBy, 6> by_words = {{{UsageBy::total, "total"},
                                         {UsageBy::project, "project"},
                                         {UsageBy::deployment, "deployment"},
                                         {UsageBy::schedule, "schedule"},
                                         {UsageBy::day, "day"},
                                         {UsageBy::month, "month"}}};

/// What a query groups by; what it does not is one empty value.
struct Grouping {
  std::string_view project = "''";
  std::string_view deployment = "''";
  std::string_view schedule = "''";
  std::string_view day = "0";
};

Grouping grouping_of(UsageBy by) {
  constexpr std::string_view project = "u.project_key";
  constexpr std::string_view deployment = "u.deployment_key";
  switch (by) {
    case UsageBy::project:
      return {.project = project};
    case UsageBy::deployment:
      return {.project = project, .deployment = deployment};
    case UsageBy::schedule:
      return {.project = project, .deployment = deployment, .schedule = "u.schedule_name"};
    case UsageBy::day:
    case UsageBy::month:
      return {.day = "u.day"};
    case UsageBy::total:
      break;
  }
  return {};
}

UsageRow to_row(const db::Row& row) {
  UsageRow made{.project = row.get<std::string>(0),
                .deployment = row.get<std::string>(1),
                .schedule = row.get<std::string>(2),
                .is_gone = row.get<bool>(3),
                .day = credits::Day(std::chrono::days(row.get<int>(4)))};
  made.usage = {.runs = row.get<std::int64_t>(5),
                .use = {.run_time = row.get<std::chrono::milliseconds>(6),
                        .egress_bytes = row.get<std::optional<std::int64_t>>(7)},
                .cost = {.base = {row.get<std::int64_t>(8)},
                         .run_time = {row.get<std::int64_t>(9)},
                         .egress = credits::amount_of(row.get<std::optional<std::int64_t>>(10))}};
  return made;
}

template <typename T>
std::optional<T> sum(std::optional<T> a, const std::optional<T>& b) {
  if (!a) return b;
  if (b) *a = *a + *b;
  return a;
}

void add(Usage& to, const Usage& more) {
  to.runs += more.runs;
  to.use.run_time += more.use.run_time;
  to.use.egress_bytes = sum(to.use.egress_bytes, more.use.egress_bytes);
  to.cost.base += more.cost.base;
  to.cost.run_time += more.cost.run_time;
  to.cost.egress = sum(to.cost.egress, more.cost.egress);
}

/// Days, which come in order, as months.
std::vector<UsageRow> by_month(const std::vector<UsageRow>& days) {
  std::vector<UsageRow> months;
  for (const UsageRow& row : days) {
    const credits::Day month = credits::month_of(*row.day);
    if (months.empty() || months.back().day != month) {
      months.push_back(row);
      months.back().day = month;
    } else {
      add(months.back().usage, row.usage);
    }
  }
  return months;
}

}  // namespace

std::optional<UsageBy> parse_usage_by(std::string_view text) {
  return value_for(by_words, text);
}

std::vector<UsageRow> list_usage(db::Session& db, const OrganizationKey& organization,
                                 const UsageFilter& filter, UsageBy by) {
  std::string where = "organization_key = :organization AND day >= :from AND day < :until";
  db::Params params = {{"organization", organization},
                       {"from", filter.from.time_since_epoch().count()},
                       {"until", filter.until.time_since_epoch().count()}};
  const auto narrow = [&](std::string_view column, std::string_view name, const auto& value) {
    where += fmt::format(" AND {} = :{}", column, name);
    params.emplace_back(name, value);
  };
  if (filter.project) narrow("project_key", "project", *filter.project);
  if (filter.deployment) narrow("deployment_key", "deployment", *filter.deployment);
  if (filter.schedule) narrow("schedule_name", "schedule", *filter.schedule);

  const Grouping group = grouping_of(by);
  constexpr std::string_view columns =
      "project_key, deployment_key, schedule_name, day, run_time, egress_bytes, credits_base,"
      " credits_run_time, credits_egress";
  const std::string sql = fmt::format(
      R"sql(
      SELECT coalesce(p.name, pn.name, ''), coalesce(d.name, dn.name, ''), g.schedule_name,
        CASE WHEN g.project_key <> '' AND (p.key IS NULL OR p.deleted_at IS NOT NULL)
               OR g.deployment_key <> '' AND (d.key IS NULL OR d.deleted_at IS NOT NULL)
             THEN 1 ELSE 0 END,
        g.day, g.runs, g.run_time, g.egress_bytes, g.credits_base, g.credits_run_time,
        g.credits_egress
      FROM (
        SELECT {0} AS project_key, {1} AS deployment_key, {2} AS schedule_name, {3} AS day,
          CAST(coalesce(sum(u.runs), 0) AS bigint) AS runs,
          CAST(coalesce(sum(u.run_time), 0) AS bigint) AS run_time,
          CAST(sum(u.egress_bytes) AS bigint) AS egress_bytes,
          CAST(coalesce(sum(u.credits_base), 0) AS bigint) AS credits_base,
          CAST(coalesce(sum(u.credits_run_time), 0) AS bigint) AS credits_run_time,
          CAST(sum(u.credits_egress) AS bigint) AS credits_egress
        FROM (
          SELECT runs, {4} FROM usage_days WHERE {5}
          UNION ALL SELECT 1, {4} FROM run_costs WHERE {5}) u
        {6}) g
      LEFT JOIN projects p ON p.key = g.project_key
      LEFT JOIN usage_names pn ON pn.key = g.project_key
      LEFT JOIN deployments d ON d.key = g.deployment_key
      LEFT JOIN usage_names dn ON dn.key = g.deployment_key)sql",
      group.project, group.deployment, group.schedule, group.day, columns, where,
      by == UsageBy::total ? "" : "GROUP BY 1, 2, 3, 4");
  std::vector<UsageRow> rows = db.all(sql, to_row, params);
  std::sort(rows.begin(), rows.end(), [](const UsageRow& a, const UsageRow& b) {
    return std::tie(a.day, a.project, a.deployment, a.is_gone, a.schedule) <
           std::tie(b.day, b.project, b.deployment, b.is_gone, b.schedule);
  });
  if (by == UsageBy::month) return by_month(rows);
  if (by != UsageBy::day) {
    for (UsageRow& row : rows) row.day.reset();
  }
  return rows;
}

}  // namespace cupola::store
