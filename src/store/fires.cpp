#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "store/columns.h"
#include "store/schedule_rows.h"

namespace cupola::store {
namespace {

constexpr Words<FireOutcome, 4> outcome_words = {{{FireOutcome::run, "run"},
                                                  {FireOutcome::skipped_overlap, "skipped_overlap"},
                                                  {FireOutcome::skipped_credits, "skipped_credits"},
                                                  {FireOutcome::missed, "missed"}}};

/// A month of hours is some seven hundred rows, and each statement a journey to PostgreSQL and
/// back.
constexpr std::size_t rows_a_statement = 50;

}  // namespace

Fire to_fire(const db::Row& row) {
  return {.schedule = row.get<ScheduleKey>(0),
          .nominal = row.get<Instant>(1),
          .due = row.get<Instant>(2),
          .outcome = value_in_column(outcome_words, row.get<std::string>(3)),
          .run = row.get<std::optional<RunId>>(4),
          .count = row.get<std::int64_t>(5),
          .noticed_at = row.get<Instant>(6)};
}

std::string_view to_text(FireOutcome outcome) {
  return word_for(outcome_words, outcome);
}

bool record_fire(db::Session& db, const Fire& fire) {
  return db.execute(R"sql(
      INSERT INTO fires (schedule_key, nominal, due, outcome, run_id, count, noticed_at)
      VALUES (:schedule, :nominal, :due, :outcome, :run, :count, :noticed_at)
      ON CONFLICT (schedule_key, nominal) DO NOTHING)sql",
                    {{"schedule", fire.schedule},
                     {"nominal", fire.nominal},
                     {"due", fire.due},
                     {"outcome", to_text(fire.outcome)},
                     {"run", fire.run},
                     {"count", fire.count},
                     {"noticed_at", fire.noticed_at}}) == 1;
}

int record_missed_fires(db::Session& db, const ScheduleKey& schedule,
                        std::span<const FireTime> fires, Instant noticed_at) {
  int fresh = 0;
  for (; !fires.empty(); fires = fires.subspan(std::min(fires.size(), rows_a_statement))) {
    const auto part = fires.first(std::min(fires.size(), rows_a_statement));
    db::Params params = {{"schedule", schedule},
                         {"outcome", to_text(FireOutcome::missed)},
                         {"noticed_at", noticed_at}};
    std::string rows;
    std::array<std::pair<std::string, std::string>, rows_a_statement>
        names;  // params refer to them
    for (std::size_t i = 0; i < part.size(); ++i) {
      auto& [nominal, due] = names[i];
      nominal = fmt::format("nominal{}", i);
      due = fmt::format("due{}", i);
      rows += fmt::format("{}(:schedule, :{}, :{}, :outcome, 1, :noticed_at)", i == 0 ? "" : ", ",
                          nominal, due);
      params.emplace_back(nominal, part[i].nominal);
      params.emplace_back(due, part[i].due);
    }
    fresh += static_cast<int>(db.execute(
        fmt::format("INSERT INTO fires (schedule_key, nominal, due, outcome, count, noticed_at)"
                    " VALUES {} ON CONFLICT (schedule_key, nominal) DO NOTHING",
                    rows),
        params));
  }
  return fresh;
}

std::vector<Fire> list_fires(db::Session& db, const ScheduleKey& schedule, int limit) {
  return db.all("SELECT " FIRE_COLUMNS R"sql( FROM fires
      WHERE schedule_key = :schedule ORDER BY nominal DESC LIMIT :limit)sql",
                to_fire, {{"schedule", schedule}, {"limit", limit}});
}

FireCounts count_fires(db::Session& db, const ScheduleKey& schedule, int rows) {
  FireCounts counts;
  db.each(R"sql(
      SELECT outcome, count FROM fires
      WHERE schedule_key = :schedule ORDER BY nominal DESC LIMIT :rows)sql",
          {{"schedule", schedule}, {"rows", rows}}, [&](const db::Row& row) {
            const auto outcome = value_in_column(outcome_words, row.get<std::string_view>(0));
            const auto count = row.get<std::int64_t>(1);
            if (outcome == FireOutcome::run) counts.run += count;
            if (outcome == FireOutcome::skipped_overlap) counts.skipped_overlap += count;
            if (outcome == FireOutcome::skipped_credits) counts.skipped_credits += count;
            if (outcome == FireOutcome::missed) counts.missed += count;
            return true;
          });
  return counts;
}

std::int64_t delete_old_fires(db::Session& db, const OrganizationKey& organization, Instant before,
                              int limit) {
  // A key of several columns, found by a join, because SQLite and PostgreSQL have no row name in
  // common.
  return db.execute(R"sql(
      DELETE FROM fires WHERE (schedule_key, nominal) IN (
        SELECT schedule_key, nominal FROM fires WHERE nominal < :before AND schedule_key IN
          (SELECT key FROM schedules WHERE organization_key = :organization)
        ORDER BY nominal LIMIT :limit))sql",
                    {{"organization", organization}, {"before", before}, {"limit", limit}});
}

}  // namespace cupola::store
