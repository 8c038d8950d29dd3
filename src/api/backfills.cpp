#include "store/backfills.h"

#include <algorithm>

#include <fmt/format.h>

#include "api/audit.h"
#include "api/credit_json.h"
#include "api/cursor.h"
#include "api/found_schedule.h"
#include "api/handlers.h"
#include "api/input.h"
#include "api/lookup.h"
#include "api/run_request.h"
#include "api/to_json.h"
#include "base/crash_point.h"
#include "base/text.h"
#include "scheduler/backfill_intervals.h"
#include "store/release_content.h"

namespace cupola::api {
namespace {

constexpr std::string_view list = "backfills";

/// What was asked for, read from the body.
struct Wish {
  scheduler::IntervalsWanted intervals;
  int parallel = 1;
  bool dry_run = false;
};

Result<Wish> wish_of(const Call& call) {
  Body body(call, {"since", "until", "limit", "order", "parallel", "dry_run"});
  const auto instant = [&](std::string_view name, const std::string& text) {
    const auto found = parse_rfc3339(text);
    if (!found && !text.empty()) {
      body.refuse(fmt::format("\"{}\" is {}, which is no time.", name, cupola::quoted(text)),
                  "Write it as 2026-11-23T03:00:00Z, or 2026-11-23 for its midnight, UTC.");
    }
    return found.value_or(call.now);
  };
  Wish wish;
  wish.intervals.since = instant("since", body.text("since", 40));
  // What has not gone by yet is left to the clock.
  wish.intervals.until = std::min(call.now, instant("until", body.optional_text("until", 40)));
  if (body.has("limit")) {
    wish.intervals.limit =
        static_cast<int>(body.number("limit", 1, store::most_backfill_intervals));
  }
  const std::string order = body.optional_text("order", 20, "oldest");
  if (order != "oldest" && order != "newest") {
    body.refuse("\"order\" is " + cupola::quoted(order) + ", but must be oldest or newest.");
  }
  wish.intervals.newest_first = order == "newest";
  if (body.has("parallel")) {
    wish.parallel = static_cast<int>(body.number("parallel", 1, store::most_backfill_parallel));
  }
  wish.dry_run = body.flag("dry_run");
  if (body.fault()) return *body.fault();
  if (wish.intervals.since >= wish.intervals.until) {
    return Error{Error::Kind::invalid, "\"since\" is not before \"until\", or not in the past.",
                 "Give a range that has gone by."};
  }
  return wish;
}

Error no_template(const std::string& name) {
  return {Error::Kind::conflict,
          fmt::format("The schedule '{}' does not say how it is run for a time that has gone by. "
                      "Without that each run of a backfill would do the same: go on from the one "
                      "bookmark that the schedule has.",
                      name),
          "Add to the schedule in meltano.yml `annotations: {cupola: {backfill: {start: "
          "TAP_X_START_DATE, end: TAP_X_END_DATE, state_id_suffix: backfill}}}`, with two "
          "variables that its plugins read, and deploy."};
}

/// The template of the live release. Errors: conflict.
Result<store::BackfillTemplate> template_of(db::Session& db, const FoundSchedule& found) {
  const std::string& name = found.schedule.name;
  const auto& live = found.place.deployment.release;
  const auto release = live ? store::find_release(db, *live) : std::nullopt;
  if (!release || !release->content) return no_template(name);
  const auto content = store::parse_release_content(*release->content);
  const store::ContentSchedule* schedule = store::find_schedule(content, name);
  if (schedule == nullptr || !schedule->backfill) return no_template(name);
  if (schedule->command.empty() || schedule->command.front() != "run") {
    return Error{Error::Kind::conflict,
                 fmt::format("The schedule '{}' is of the extractor and loader form, for which "
                             "Meltano knows no state id suffix.",
                             name),
                 "Give it a job."};
  }
  const auto& [start, end, suffix] = *schedule->backfill;
  if (const auto fit = check_variables({{start, ""}, {end, ""}}); !fit) return fit.error();
  return *schedule->backfill;
}

json::object to_json(const store::Backfill& backfill, const Place& place,
                     const store::BackfillCounts& counts) {
  const bool is_made = backfill.number > 0;
  return {{"number", is_made ? json::value(backfill.number) : json::value()},
          {"project", json_text(place.project.name)},
          {"deployment", json_text(place.deployment.name)},
          {"schedule", json_text(backfill.schedule_name)},
          {"status", is_made ? to_text(backfill.status) : "planned"},
          {"cause", or_null(backfill.cause)},
          {"since", to_rfc3339(backfill.since)},
          {"until", to_rfc3339(backfill.until)},
          {"order", backfill.newest_first ? "newest" : "oldest"},
          {"parallel", backfill.parallel},
          {"start_variable", backfill.start_variable},
          {"end_variable", backfill.end_variable},
          {"state_id_suffix", backfill.state_id_suffix},
          {"created_by", json_text(backfill.created_by)},
          {"created_at", to_rfc3339(backfill.created_at)},
          {"ended_at", or_null(backfill.ended_at)},
          {"counts",
           {{"waiting", counts.waiting},
            {"open", counts.open},
            {"succeeded", counts.succeeded},
            {"failed", counts.failed},
            {"cancelled", counts.cancelled},
            {"dropped", counts.dropped}}}};
}

json::object to_json(const store::BackfillInterval& interval) {
  return {{"start", to_rfc3339(interval.start)},
          {"end", to_rfc3339(interval.end)},
          {"status", interval.status},
          {"run", interval.run ? json::value(interval.run->text()) : json::value()}};
}

/// With its intervals.
json::object shown(db::Session& db, const store::Backfill& backfill, const Place& place) {
  json::object object = to_json(backfill, place, store::count_intervals(db, backfill.key));
  json::array intervals;
  for (const auto& interval : store::list_intervals(db, backfill.key))
    intervals.emplace_back(to_json(interval));
  object["intervals"] = std::move(intervals);
  return object;
}

json::object planned(const store::Backfill& backfill, const Place& place,
                     const std::vector<std::pair<Instant, Instant>>& intervals) {
  json::object object =
      to_json(backfill, place, {.waiting = static_cast<std::int64_t>(intervals.size())});
  json::array items;
  for (const auto& [start, end] : intervals)
    items.emplace_back(to_json({.start = start, .end = end, .status = "waiting", .run = {}}));
  object["intervals"] = std::move(items);
  return object;
}

Change change_of(std::string action, const Place& place, const store::Backfill& backfill) {
  return {.action = std::move(action),
          .name = backfill.schedule_name,
          .id = std::to_string(backfill.number),
          .project = place.project.name,
          .deployment = place.deployment.name,
          .after = json::object{{"number", backfill.number},
                                {"since", to_rfc3339(backfill.since)},
                                {"until", to_rfc3339(backfill.until)},
                                {"parallel", backfill.parallel},
                                {"status", to_text(backfill.status)}}};
}

struct FoundBackfill {
  Place place;
  store::Backfill backfill;
};

/// {project}, {deployment} and {backfill}. Errors: not_found.
Result<FoundBackfill> backfill_of(const Call& call, db::Session& db) {
  const Result<Place> place = place_of(call, db);
  if (!place) return place.error();
  const std::string& text = call.in_path("backfill");
  const auto number = whole_number(text);
  const auto found =
      number ? store::find_backfill(db, call.organization(), place->deployment.key, *number)
             : std::nullopt;
  if (found) return FoundBackfill{*place, *found};
  return Error{Error::Kind::not_found,
               "The deployment has no backfill " + cupola::quoted(text) + ".",
               "`cupola backfill list` shows those there are."};
}

}  // namespace

/// POST …/schedules/{schedule}/backfills gives 201 with the new one, or with "dry_run" 200 with
/// what it would do.
Result<http::Reply> start_backfill(const Call& call) {
  const Result<Wish> wish = wish_of(call);
  if (!wish) return wish.error();
  const auto begin = [&](db::Session& db) -> Result<http::Reply> {
    const auto found = schedule_of(call, db);
    if (!found) return found.error();
    if (!wish->dry_run) {
      // Held: it is not deleted before the backfill is there to be stopped.
      if (const auto place = held_place_of(call, db); !place) return place.error();
      if (const auto refused = out_of_credits(call, db)) return *refused;
    }
    const auto how = template_of(db, *found);
    if (!how) return how.error();
    const auto intervals = scheduler::intervals_of(found->schedule, wish->intervals);
    if (!intervals) return intervals.error();
    const store::Backfill asked{.organization = call.organization(),
                                .project = found->place.project.key,
                                .deployment = found->place.deployment.key,
                                .schedule = found->schedule.key,
                                .schedule_name = found->schedule.name,
                                .since = wish->intervals.since,
                                .until = wish->intervals.until,
                                .newest_first = wish->intervals.newest_first,
                                .parallel = wish->parallel,
                                .start_variable = how->start_variable,
                                .end_variable = how->end_variable,
                                .state_id_suffix = how->state_id_suffix,
                                .created_by = call.member.login,
                                .created_at = call.now};
    if (wish->dry_run) return json_reply(200, planned(asked, found->place, *intervals));
    const auto made = store::add_backfill(db, asked, *intervals, call.now);
    if (!made) return made.error();
    audit(call, db, change_of("backfill.start", found->place, *made));
    return json_reply(201, shown(db, *made, found->place));
  };
  if (wish->dry_run) return call.context.database.read(begin);
  Result<http::Reply> reply = write_once(call, begin);
  if (reply && reply->status == 201) crash_point("backfill.made");
  if (reply) call.context.hooks.wake_runner();
  return reply;
}

Result<http::Reply> list_backfills(const Call& call) {
  Query query(call);
  const int limit = query.limit();
  const std::int64_t before = number_cursor(query, list);
  if (query.fault()) return *query.fault();

  return call.context.database.read([&](db::Session& db) -> Result<http::Reply> {
    const Result<Place> place = place_of(call, db);
    if (!place) return place.error();
    const auto backfills =
        store::list_backfills(db, call.organization(), place->deployment.key, before, limit + 1);
    json::array items;
    std::string next;
    for (std::size_t i = 0; i < backfills.size(); ++i) {
      if (i == static_cast<std::size_t>(limit)) {
        next = number_cursor_of(list, backfills[i - 1].number);
        break;
      }
      items.emplace_back(
          to_json(backfills[i], *place, store::count_intervals(db, backfills[i].key)));
    }
    return list_reply(list, std::move(items), next);
  });
}

Result<http::Reply> show_backfill(const Call& call) {
  return call.context.database.read([&](db::Session& db) -> Result<http::Reply> {
    const auto found = backfill_of(call, db);
    if (!found) return found.error();
    return json_reply(200, shown(db, found->backfill, found->place));
  });
}

/// POST …/backfills/{backfill}/stop drops what waits and stops what is under way.
Result<http::Reply> stop_backfill(const Call& call) {
  const Body body(call, {});
  if (body.fault()) return *body.fault();
  Result<http::Reply> reply = write_once(call, [&](db::Session& db) -> Result<http::Reply> {
    const auto found = backfill_of(call, db);
    if (!found) return found.error();
    const auto stopped =
        store::stop_backfill(db, found->backfill, "stopped by " + call.member.login, call.now);
    if (!stopped) return stopped.error();
    audit(call, db, change_of("backfill.stop", found->place, *stopped));
    return json_reply(200, shown(db, *stopped, found->place));
  });
  if (reply) call.context.hooks.wake_runner();
  return reply;
}

}  // namespace cupola::api
