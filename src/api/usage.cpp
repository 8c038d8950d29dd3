#include "store/usage.h"

#include <fmt/format.h>

#include "api/credit_json.h"
#include "api/csv.h"
#include "api/handlers.h"
#include "api/lookup.h"
#include "api/to_json.h"
#include "base/plain_json.h"
#include "base/text.h"
#include "store/organizations.h"

namespace cupola::api {
namespace {

using credits::Day;
using store::UsageBy;

constexpr std::string_view list = "usage";
constexpr std::chrono::days longest_span{3660};
constexpr int months_shown = 12;

/// What the query asks for.
struct Wish {
  UsageBy by = UsageBy::schedule;
  std::string by_text;
  store::UsageFilter filter;
  std::size_t from_row = 0;
};

/// ?month=, or ?since= and ?until=; else the present month, or the last twelve of them by month.
void read_days(Query& query, Wish& wish, Instant now) {
  const std::string month = query.text("month");
  const std::string since = query.text("since"), until = query.text("until");
  wish.filter.from = month_in(query, now);
  wish.filter.until = credits::month_after(wish.filter.from);
  if (month.empty() && wish.by == UsageBy::month) {
    const std::chrono::year_month_day first(wish.filter.from);
    wish.filter.from = Day(first - std::chrono::months(months_shown - 1));
  }
  if (since.empty() && until.empty()) return;
  const auto from = credits::parse_day(since), end = credits::parse_day(until);
  if (!month.empty()) {
    query.refuse("?month= says all: ?since= and ?until= cannot be beside it.");
  } else if (!from || !end || *from >= *end) {
    query.refuse("?since= and ?until= must be two days, the first one before the other.",
                 "Write them as 2026-11-01; the second is the day after the last.");
  } else if (*end - *from > longest_span) {
    query.refuse(
        fmt::format("From ?since= to ?until= are more than {} days.", longest_span.count()));
  } else {
    wish.filter.from = *from;
    wish.filter.until = *end;
  }
}

/// The cursor goes with what was asked for, and has the number of the next row.
std::vector<std::string> cursor_parts(const Wish& wish, std::size_t row) {
  return {wish.by_text, credits::day_text(wish.filter.from), credits::day_text(wish.filter.until),
          std::to_string(row)};
}

void read_cursor(Query& query, Wish& wish) {
  const auto parts = query.cursor(list, 4);
  if (parts.empty()) return;
  wish.from_row = static_cast<std::size_t>(whole_number(parts.back()).value_or(0));
  if (parts != cursor_parts(wish, wish.from_row)) {
    query.refuse_cursor();
  }
}

json::value text_if(bool is_there, std::string_view text) {
  return is_there ? json::value(json_text(text)) : json::value();
}

json::object to_json(const store::UsageRow& row, UsageBy by) {
  const bool by_project =
      by == UsageBy::project || by == UsageBy::deployment || by == UsageBy::schedule;
  const store::Usage& usage = row.usage;
  return {{"month", text_if(by == UsageBy::month, row.day ? credits::month_text(*row.day) : "")},
          {"day", text_if(by == UsageBy::day, row.day ? credits::day_text(*row.day) : "")},
          {"project", text_if(by_project, row.project)},
          {"deployment", text_if(by_project && by != UsageBy::project, row.deployment)},
          {"schedule", text_if(by == UsageBy::schedule && !row.schedule.empty(), row.schedule)},
          {"deleted", row.is_gone},
          {"runs", usage.runs},
          {"credits", number(usage.cost.total())},
          {"credits_base", number(usage.cost.base)},
          {"credits_run_time", number(usage.cost.run_time)},
          {"credits_egress", or_null(usage.cost.egress)},
          {"run_time_ms", usage.use.run_time.count()},
          {"egress_bytes",
           usage.use.egress_bytes ? json::value(*usage.use.egress_bytes) : json::value()}};
}

/// What bills are made from: each row says whose it is. Where bills go is for owners to see, with a
/// token for all of the organization.
std::string csv_text(const Call& call, db::Session& db, const Wish& wish,
                     const std::vector<store::UsageRow>& rows) {
  const bool is_owner = call.member.role == store::Role::owner && !call.member.reach.project;
  const store::Billing billing =
      is_owner ? store::billing_of(db, call.organization()) : store::Billing{};
  std::string head = csv_cell(call.member.account_number);
  for (const std::string& text :
       {billing.name, billing.address, billing.email, call.member.organization_name}) {
    head += ',' + csv_cell(text);
  }
  head += ',' + credits::day_text(wish.filter.from) + ',' + credits::day_text(wish.filter.until);
  std::string text =
      "account_number,billing_name,billing_address,billing_email,organization,since,until,month,"
      "day,project,deployment,schedule,deleted,runs,credits,credits_base,credits_run_time,"
      "credits_egress,run_time_ms,egress_bytes\r\n";
  for (const store::UsageRow& row : rows) {
    text += head;
    for (const auto& member : to_json(row, wish.by)) {
      const json::value& value = member.value();
      text += ',';
      if (value.is_string())
        text += csv_cell(value.get_string());
      else if (!value.is_null())
        text += to_plain_text(value);
    }
    text += "\r\n";
  }
  return text;
}

http::Reply page(const Wish& wish, const std::vector<store::UsageRow>& rows, std::size_t limit) {
  json::array items;
  std::size_t row = wish.from_row;
  for (; row < rows.size() && items.size() < limit; ++row) {
    items.emplace_back(to_json(rows[row], wish.by));
  }
  return plain_reply(
      200, {{list, std::move(items)},
            {"since", credits::day_text(wish.filter.from)},
            {"until", credits::day_text(wish.filter.until)},
            {"next", row < rows.size() ? json::value(cursor_of(list, cursor_parts(wish, row)))
                                       : json::value()}});
}

}  // namespace

/// GET /api/v1/usage gives a page of sums; as text/csv all of them.
Result<http::Reply> list_usage(const Call& call) {
  Query query(call);
  Wish wish;
  wish.by_text = query.text("by");
  if (wish.by_text.empty()) wish.by_text = "schedule";
  const auto by = store::parse_usage_by(wish.by_text);
  if (!by) {
    query.refuse("?by= is " + cupola::quoted(wish.by_text) + ", which usage is not summed by.",
                 "There are: total, project, deployment, schedule, day, month.");
  }
  wish.by = by.value_or(UsageBy::schedule);
  read_days(query, wish, call.now);
  if (const std::string schedule = query.text("schedule"); !schedule.empty()) {
    wish.filter.schedule = schedule;
  }
  const int limit = query.limit();
  read_cursor(query, wish);
  if (query.fault()) return *query.fault();

  return call.context.database.read([&](db::Session& db) -> Result<http::Reply> {
    const Result<Scope> scope = scope_of(call, db);
    if (!scope) return scope.error();
    wish.filter.project = scope->project;
    wish.filter.deployment = scope->deployment;
    const auto rows = store::list_usage(db, call.organization(), wish.filter, wish.by);
    if (!call.accepts("text/csv")) return page(wish, rows, static_cast<std::size_t>(limit));
    http::Reply reply = csv_reply(fmt::format("usage-{}.csv", credits::day_text(wish.filter.from)));
    reply.body = csv_text(call, db, wish, rows);
    return reply;
  });
}

}  // namespace cupola::api
