#include "store/uptime.h"

#include <cmath>

#include "api/credit_json.h"
#include "api/cursor.h"
#include "api/handlers.h"
#include "api/lookup.h"

namespace cupola::api {
namespace {

constexpr std::string_view list = "uptime";

/// Per cent with three decimals, never rounded up to 100.
double uptime_of(const credits::TickCount& ticks) {
  const auto due = static_cast<double>(ticks.due);
  return std::floor((due - static_cast<double>(ticks.missed)) / due * 100'000) / 1000;
}

json::object to_json(const store::Uptime& one) {
  return {{"project", json_text(one.project)}, {"deployment", json_text(one.deployment)},
          {"schedule", json_text(one.name)},   {"due", one.ticks.due},
          {"missed", one.ticks.missed},        {"uptime_percent", uptime_of(one.ticks)}};
}

}  // namespace

/// GET /api/v1/uptime looks at a page of schedules, and gives those that were due in the month.
Result<http::Reply> list_uptime(const Call& call) {
  Query query(call);
  const int limit = query.limit();
  const credits::Day month = month_in(query, call.now);
  const std::int64_t skip = number_cursor(query, list);  // schedules that were looked at
  if (query.fault()) return *query.fault();

  return call.context.database.read([&](db::Session& db) -> Result<http::Reply> {
    const Result<Scope> scope = scope_of(call, db);
    if (!scope) return scope.error();
    const auto page = store::list_uptime(db, call.organization(),
                                         {.from = month,
                                          .until = credits::month_after(month),
                                          .project = scope->project,
                                          .deployment = scope->deployment},
                                         skip, limit, call.now);
    json::array items;
    for (const store::Uptime& one : page.schedules) items.emplace_back(to_json(one));
    return plain_reply(200, {{list, std::move(items)},
                             {"month", credits::month_text(month)},
                             {"next", page.more ? json::value(number_cursor_of(list, skip + limit))
                                                : json::value()}});
  });
}

}  // namespace cupola::api
