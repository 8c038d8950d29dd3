#include "store/credits.h"

#include "api/audit.h"
#include "api/credit_json.h"
#include "api/cursor.h"
#include "api/etag.h"
#include "api/handlers.h"
#include "base/text.h"
#include "credits/month.h"
#include "store/hold.h"
#include "store/usage.h"

namespace cupola::api {
namespace {

constexpr std::string_view list = "entries";
constexpr std::size_t longest_note = 500;

json::object settings_of(const store::CreditSettings& settings) {
  return {{"low_threshold", or_null(settings.low_threshold)},
          {"stop_at_zero", settings.stop_at_zero}};
}

json::value used_in(db::Session& db, const OrganizationKey& organization, credits::Day from,
                    credits::Day until) {
  const auto rows =
      store::list_usage(db, organization, {.from = from, .until = until}, store::UsageBy::total);
  return number(rows.at(0).usage.cost.total());
}

http::Reply shown(const Call& call, db::Session& db) {
  const auto account = store::credit_account_of(db, call.organization());
  const credits::Day month = credits::month_of(credits::day_of(call.now));
  const credits::Day before = credits::month_of(month - std::chrono::days(1));
  json::object object{
      {"balance", number(account.balance())},
      {"bought", number(account.bought)},
      {"used", number(account.used)},
      {"used_this_month", used_in(db, call.organization(), month, credits::month_after(month))},
      {"used_last_month", used_in(db, call.organization(), before, month)},
      {"low", account.is_low()},
      {"stopped", account.is_stopped()}};
  const json::object settings = settings_of(account.settings);
  for (const auto& member : settings) object[member.key()] = member.value();
  http::Reply reply = plain_reply(200, object);
  reply.headers.emplace_back("ETag", etag_of(settings));
  return reply;
}

json::object to_json(const store::CreditEntry& entry) {
  return {{"id", entry.id},
          {"credits", number(entry.amount)},
          {"kind", to_text(entry.kind)},
          {"note", json_text(entry.note)},
          {"entered_by", json_text(entry.entered_by)},
          {"entered_at", to_rfc3339(entry.entered_at)}};
}

/// One line for people: what it was for.
std::string note_in(Body& body) {
  std::string note(trim(body.optional_text("note", longest_note)));
  if (has_control(note)) body.refuse("\"note\" must be one line without control characters.");
  return note;
}

}  // namespace

Result<http::Reply> show_credits(const Call& call) {
  return call.context.database.read(
      [&](db::Session& db) -> Result<http::Reply> { return shown(call, db); });
}

/// PATCH changes what the body has, and leaves the rest; a null takes the warning away.
Result<http::Reply> change_credits(const Call& call) {
  Body body(call, {"low_threshold", "stop_at_zero"});
  const auto threshold = amount_in(body, "low_threshold");
  const bool stop_at_zero = body.flag("stop_at_zero");
  if (body.fault()) return *body.fault();

  Result<http::Reply> reply = write_once(call, [&](db::Session& db) -> Result<http::Reply> {
    store::hold(db, call.organization());
    const store::CreditSettings before = store::credit_account_of(db, call.organization()).settings;
    if (auto refused = mismatch(call, etag_of(settings_of(before)))) return *std::move(refused);
    store::CreditSettings after = before;
    if (body.has("low_threshold")) after.low_threshold = threshold;
    if (body.has("stop_at_zero")) after.stop_at_zero = stop_at_zero;
    store::set_credit_settings(db, call.organization(), after, call.now);
    audit(call, db,
          {.action = "credits.change",
           .name = call.member.organization_name,
           .before = settings_of(before),
           .after = settings_of(after)});
    return shown(call, db);
  });
  if (reply) call.context.hooks.wake_notifier();
  return reply;
}

Result<http::Reply> list_credit_entries(const Call& call) {
  Query query(call);
  const int limit = query.limit();
  const auto after = time_cursor(query, list);
  if (query.fault()) return *query.fault();

  return call.context.database.read([&](db::Session& db) -> Result<http::Reply> {
    const auto entries = store::list_credit_entries(db, call.organization(), after, limit + 1);
    json::array items;
    std::string next;
    for (const store::CreditEntry& entry : entries) {
      if (items.size() == static_cast<std::size_t>(limit)) {
        const store::CreditEntry& last = entries[items.size() - 1];
        next = time_cursor_of(list, last.entered_at, last.id);
        break;
      }
      items.emplace_back(to_json(entry));
    }
    return plain_reply(200, {{list, std::move(items)},
                             {"next", next.empty() ? json::value() : json::value(next)}});
  });
}

/// POST enters what was bought, or takes away what was entered wrongly: 201 with the entry.
Result<http::Reply> add_credit_entry(const Call& call) {
  Body body(call, {"credits", "note"});
  const auto amount = amount_in(body, "credits");
  const std::string note = note_in(body);
  if (!amount || *amount == credits::Amount{}) {
    body.refuse("The body must have a number \"credits\", which is not 0.");
  } else if (*amount < credits::Amount{} && note.empty()) {
    body.refuse("A correction must say in \"note\" what it is for.");
  }
  if (body.fault()) return *body.fault();

  Result<http::Reply> reply = write_once(call, [&](db::Session& db) -> Result<http::Reply> {
    store::hold(db, call.organization());
    const store::CreditEntry entry = store::add_credit_entry(
        db, call.organization(), {.amount = *amount, .note = note, .entered_by = call.member.login},
        call.now);
    json::object shown = to_json(entry);
    audit(call, db,
          {.action = "credits.add",
           .name = credits::to_text(entry.amount),
           .id = entry.id,
           .after = json::object{
               {"credits", shown["credits"]}, {"kind", shown["kind"]}, {"note", shown["note"]}}});
    shown["balance"] = number(store::credit_account_of(db, call.organization()).balance());
    return plain_reply(201, shown);
  });
  if (reply) call.context.hooks.wake_notifier();
  return reply;
}

}  // namespace cupola::api
