#include "store/uptime.h"

#include <charconv>
#include <cmath>

#include "api/credit_json.h"
#include "api/handlers.h"
#include "api/lookup.h"
#include "api/people.h"

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

/// How many schedules the pages before have looked at.
std::int64_t skipped_in(Query& query) {
  const std::string text = name_cursor(query, list);
  std::int64_t skipped = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), skipped);
  if (!text.empty() && (failed != std::errc{} || end != text.data() + text.size() || skipped < 0)) {
    query.refuse("?cursor= is none that this list gave.");
  }
  return skipped;
}

}  // namespace

/// GET /api/v1/uptime looks at a page of schedules, and gives those that were due in the month.
Result<http::Reply> list_uptime(const Call& call) {
  Query query(call);
  const int limit = query.limit();
  const credits::Day month = month_in(query, call.now);
  const std::int64_t skip = skipped_in(query);
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
    return plain_reply(
        200, {{list, std::move(items)},
              {"month", credits::month_text(month)},
              {"next", page.more ? json::value(name_cursor_of(list, std::to_string(skip + limit)))
                                 : json::value()}});
  });
}

}  // namespace cupola::api
