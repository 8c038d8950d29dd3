#include "store/retention.h"

#include <fmt/format.h>

#include "base/span_text.h"

namespace cupola::store {
namespace {

using Span = std::optional<std::chrono::milliseconds>;

Result<void> check_span(std::string_view what, const Span& span,
                        std::chrono::milliseconds shortest) {
  if (!span || (*span >= shortest && *span <= longest_kept)) return {};
  return Error{Error::Kind::invalid,
               fmt::format("`{}` is {}; it may be from {} to {}.", what, span_text(*span),
                           span_text(shortest), span_text(longest_kept)),
               "Give a span such as 90d, or null for the server's own."};
}

}  // namespace

Result<void> check_retention_choice(const RetentionChoice& choice) {
  const struct {
    std::string_view name;
    const Span& span;
    std::chrono::milliseconds shortest;
  } spans[] = {{"logs", choice.logs, shortest_kept},
               {"runs", choice.runs, shortest_kept},
               {"deliveries", choice.deliveries, shortest_kept}};
  for (const auto& each : spans) {
    if (auto checked = check_span(each.name, each.span, each.shortest); !checked) return checked;
  }
  if (choice.audit && choice.audit->count() != 0) {
    if (auto checked = check_span("audit", choice.audit, shortest_audit); !checked) return checked;
  }
  if (choice.state_versions &&
      (*choice.state_versions < 1 || *choice.state_versions > most_state_versions)) {
    return Error{Error::Kind::invalid,
                 fmt::format("`state_versions` is {}; it may be from 1 to {}.",
                             *choice.state_versions, most_state_versions)};
  }
  return {};
}

RetentionChoice retention_choice_of(db::Session& db, const OrganizationKey& organization) {
  return db
      .one(R"sql(SELECT logs, runs, state_versions, deliveries, audit FROM retention
             WHERE organization_key = :organization)sql",
           [](const db::Row& row) {
             return RetentionChoice{.logs = row.get<Span>(0),
                                    .runs = row.get<Span>(1),
                                    .state_versions = row.get<std::optional<int>>(2),
                                    .deliveries = row.get<Span>(3),
                                    .audit = row.get<Span>(4)};
           },
           {{"organization", organization}})
      .value_or(RetentionChoice{});
}

Result<void> set_retention_choice(db::Session& db, const OrganizationKey& organization,
                                  const RetentionChoice& choice) {
  if (auto checked = check_retention_choice(choice); !checked) return checked;
  db.execute(R"sql(
      INSERT INTO retention (organization_key, logs, runs, state_versions, deliveries, audit)
      VALUES (:organization, :logs, :runs, :state_versions, :deliveries, :audit)
      ON CONFLICT (organization_key) DO UPDATE
        SET logs = excluded.logs, runs = excluded.runs, state_versions = excluded.state_versions,
            deliveries = excluded.deliveries, audit = excluded.audit)sql",
             {{"organization", organization},
              {"logs", choice.logs},
              {"runs", choice.runs},
              {"state_versions", choice.state_versions},
              {"deliveries", choice.deliveries},
              {"audit", choice.audit}});
  return {};
}

Retention with_choice(const Retention& defaults, const RetentionChoice& choice) {
  Retention kept{.logs = choice.logs.value_or(defaults.logs),
                 .runs = choice.runs.value_or(defaults.runs),
                 .state_versions = choice.state_versions.value_or(defaults.state_versions),
                 .deliveries = choice.deliveries.value_or(defaults.deliveries),
                 .audit = choice.audit ? choice.audit : defaults.audit};
  if (kept.audit && kept.audit->count() == 0) kept.audit.reset();
  return kept;
}

}  // namespace cupola::store
