#include <fmt/format.h>

#include "api/audit.h"
#include "api/etag.h"
#include "api/found_schedule.h"
#include "api/handlers.h"
#include "api/input.h"
#include "base/text.h"
#include "cron/offset.h"
#include "cron/zone.h"

namespace cupola::api {
namespace {

std::vector<std::string_view> setting_names() {
  const auto names = store::schedule_setting_names();
  return {names.begin(), names.end()};
}

/// What the body says, put into the settings that the API set before.
Result<store::ScheduleSettings> put_all(const Body& body, store::ScheduleSettings own) {
  bool says_something = false;
  for (const std::string_view name : setting_names()) {
    if (!body.has(name)) continue;
    says_something = true;
    const json::value value = body.value(name);
    if (const auto rule = store::put_setting(own, name, value)) {
      return Error{Error::Kind::invalid,
                   fmt::format("\"{}\" is {}, but must be {}.", name,
                               cupola::quoted(store::setting_text(value)), *rule),
                   "null gives it back to meltano.yml."};
    }
  }
  if (says_something) return own;
  const auto names = setting_names();
  return Error{Error::Kind::invalid, "The body says nothing to set.",
               "Give at least one of " + join({names.begin(), names.end()}, ", ") + "."};
}

/// What the body says that depends on more than the value itself. What was set before is not asked
/// again: a deploy may have taken away what it fitted.
Result<void> check(const Body& body, const store::ScheduleSettings& own,
                   const std::string& interval) {
  if (body.has("timezone") && own.timezone) {
    const auto zone = cron::Zone::find(*own.timezone);
    if (!zone)
      return Error{Error::Kind::invalid, "\"timezone\": " + zone.error().message,
                   zone.error().hint};
  }
  if (!body.has("offset") || !own.offset || !own.offset->minutes) return {};
  const auto expression = cron::Expression::parse(interval);
  if (!expression) return {};
  const auto fits = cron::check_offset(*expression, *own.offset->minutes);
  if (fits) return {};
  return Error{Error::Kind::invalid, "\"offset\": " + fits.error().message, fits.error().hint};
}

}  // namespace

/// PATCH …/schedules/{schedule} sets settings in place of meltano.yml's; null takes one back: 200
/// with the schedule.
Result<http::Reply> change_schedule(const Call& call) {
  const Body body(call, setting_names());
  if (body.fault()) return *body.fault();
  Result<http::Reply> reply = write_once(call, [&](db::Session& db) -> Result<http::Reply> {
    auto found = held_schedule_of(call, db);
    if (!found) return found.error();
    const store::Schedule before = found->schedule;
    const auto own = put_all(body, before.own);
    if (!own) return own.error();
    if (const auto checked = check(body, *own, before.interval); !checked) return checked.error();
    if (auto refused = mismatch(call, tag_of(before))) return *std::move(refused);
    store::set_own_settings(db, before, *own, call.now);
    audit(call, db,
          {.action = "schedule.change",
           .name = before.name,
           .project = found->place.project.name,
           .deployment = found->place.deployment.name,
           .before = store::to_json(before.own),
           .after = store::to_json(*own)});
    found->schedule = *store::find_schedule(db, before.key);
    return tagged_reply(200, shown(db, *found, call.now), tag_of(found->schedule));
  });
  if (reply) call.context.hooks.wake_scheduler();
  return reply;
}

}  // namespace cupola::api
