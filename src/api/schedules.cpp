#include "api/audit.h"
#include "api/etag.h"
#include "api/found_schedule.h"
#include "api/handlers.h"
#include "api/input.h"
#include "api/lookup.h"
#include "api/to_json.h"
#include "base/text.h"
#include "store/hold.h"

namespace cupola::api {
namespace {

/// So many rows are summed up at most where one schedule is shown.
constexpr int counted_fires = 10'000;

/// Also one that has vanished, or whose deployment was deleted.
Result<ScheduleKey> past_schedule_of(const Call& call, db::Session& db) {
  const Result<Place> place = past_place_of(call, db);
  if (!place) return place.error();
  const std::string& name = call.in_path("schedule");
  for (const store::Schedule& schedule : store::list_all_schedules(db, place->deployment.key)) {
    if (schedule.name == name) return schedule.key;
  }
  return Error{Error::Kind::not_found,
               "The deployment never had a schedule " + cupola::quoted(name) + ".",
               "`cupola schedule list` shows those there are."};
}

// The key of the schedule that a cursor names; empty to begin anew.
Result<std::string> after_key(const Call& call, db::Session& db,
                              const std::vector<std::string>& cursor) {
  if (cursor.empty()) return std::string();
  if (const auto project = store::find_project(db, call.organization(), cursor[0])) {
    const auto deployment =
        store::find_deployment(db, call.organization(), project->key, cursor[1]);
    const auto schedule =
        deployment ? store::find_schedule(db, call.organization(), deployment->key, cursor[2])
                   : std::nullopt;
    if (schedule) return schedule->key.text();
  }
  return Error{Error::Kind::invalid, "The schedule that ?cursor= continues after is gone.",
               "Begin the list anew."};
}

Result<http::Reply> list_page(const Call& call, db::Session& db, const Scope& scope, int limit,
                              const std::vector<std::string>& cursor) {
  const Result<std::string> after = after_key(call, db, cursor);
  if (!after) return after.error();
  const auto schedules = store::list_schedules(db, call.organization(), scope.project,
                                               scope.deployment, *after, limit + 1);
  Names names(db);
  json::array items;
  std::string next;
  for (std::size_t i = 0; i < schedules.size(); ++i) {
    if (i == static_cast<std::size_t>(limit)) {
      const store::Schedule& last = schedules[i - 1];
      next = cursor_of("schedules", {names.project(last.project).id,
                                     names.deployment(last.deployment).slug, last.name});
      break;
    }
    const store::Schedule& schedule = schedules[i];
    items.emplace_back(to_json(schedule, names.project(schedule.project),
                               names.deployment(schedule.deployment), call.now));
  }
  return list_reply("schedules", std::move(items), next);
}

Result<http::Reply> switch_schedule(const Call& call, bool enabled) {
  const Body body(call, {});
  if (body.fault()) return *body.fault();
  Result<http::Reply> reply = write_once(call, [&](db::Session& db) -> Result<http::Reply> {
    auto found = held_schedule_of(call, db);
    if (!found) return found.error();
    if (auto refused = mismatch(call, tag_of(found->schedule))) return *std::move(refused);
    const bool before = found->schedule.enabled;
    store::set_enabled(db, found->schedule.key, enabled, call.now);
    audit(call, db,
          {.action = enabled ? "schedule.enable" : "schedule.disable",
           .name = found->schedule.name,
           .project = found->place.project.name,
           .deployment = found->place.deployment.name,
           .before = json::object{{"enabled", before}},
           .after = json::object{{"enabled", enabled}}});
    found->schedule = *store::find_schedule(db, found->schedule.key);
    return tagged_reply(200, shown(db, *found, call.now), tag_of(found->schedule));
  });
  if (reply) call.context.hooks.wake_scheduler();
  return reply;
}

}  // namespace

Result<FoundSchedule> schedule_of(const Call& call, db::Session& db) {
  const Result<Place> place = place_of(call, db);
  if (!place) return place.error();
  const std::string& name = call.in_path("schedule");
  const auto schedule = store::find_schedule(db, call.organization(), place->deployment.key, name);
  if (!schedule || !schedule->present) {
    return Error{Error::Kind::not_found,
                 "The live release has no schedule " + cupola::quoted(name) + ".",
                 "`cupola schedule list` shows those there are."};
  }
  return FoundSchedule{*place, *schedule};
}

Result<FoundSchedule> held_schedule_of(const Call& call, db::Session& db) {
  const auto found = schedule_of(call, db);
  if (!found) return found;
  store::hold(db, found->schedule.key);
  return schedule_of(call, db);
}

json::object shown(db::Session& db, const FoundSchedule& found, Instant now) {
  json::object object = to_json(found.schedule, found.place.project, found.place.deployment, now);
  const auto counts = store::count_fires(db, found.schedule.key, counted_fires);
  object["fire_counts"] = {{"run", counts.run},
                           {"skipped_overlap", counts.skipped_overlap},
                           {"skipped_credits", counts.skipped_credits},
                           {"missed", counts.missed}};
  return object;
}

std::string tag_of(const store::Schedule& schedule) {
  return etag_of(json::object{{"enabled", schedule.enabled},
                              {"interval", schedule.interval},
                              {"given", store::to_json(schedule.given)},
                              {"own", store::to_json(schedule.own)}});
}

Result<http::Reply> list_all_schedules(const Call& call) {
  Query query(call);
  const int limit = query.limit();
  const std::vector<std::string> cursor = query.cursor("schedules", 3);
  if (query.fault()) return *query.fault();

  return call.context.database.read([&](db::Session& db) -> Result<http::Reply> {
    const Result<Scope> scope = scope_of(call, db);
    if (!scope) return scope.error();
    return list_page(call, db, *scope, limit, cursor);
  });
}

Result<http::Reply> list_schedules(const Call& call) {
  Query query(call);
  const int limit = query.limit();
  const std::vector<std::string> cursor = query.cursor("schedules", 3);
  if (query.fault()) return *query.fault();

  return call.context.database.read([&](db::Session& db) -> Result<http::Reply> {
    const Result<Place> place = place_of(call, db);
    if (!place) return place.error();
    const Scope scope{place->project.key, place->deployment.key};
    return list_page(call, db, scope, limit, cursor);
  });
}

Result<http::Reply> show_schedule(const Call& call) {
  return call.context.database.read([&](db::Session& db) -> Result<http::Reply> {
    const auto found = schedule_of(call, db);
    if (!found) return found.error();
    return tagged_reply(200, shown(db, *found, call.now), tag_of(found->schedule));
  });
}

Result<http::Reply> enable_schedule(const Call& call) {
  return switch_schedule(call, true);
}

Result<http::Reply> disable_schedule(const Call& call) {
  return switch_schedule(call, false);
}

/// GET …/fires gives what became of the schedule's fires, newest first; also of one that has
/// vanished since.
Result<http::Reply> list_fires(const Call& call) {
  Query query(call);
  const int limit = query.limit();
  if (query.fault()) return *query.fault();

  return call.context.database.read([&](db::Session& db) -> Result<http::Reply> {
    const Result<ScheduleKey> schedule = past_schedule_of(call, db);
    if (!schedule) return schedule.error();
    json::array items;
    for (const store::Fire& fire : store::list_fires(db, *schedule, limit)) {
      items.push_back({{"nominal", to_rfc3339(fire.nominal)},
                       {"due", to_rfc3339(fire.due)},
                       {"outcome", to_text(fire.outcome)},
                       {"run", fire.run ? json::value(fire.run->text()) : json::value()},
                       {"count", fire.count},
                       {"noticed_at", to_rfc3339(fire.noticed_at)}});
    }
    return list_reply("fires", std::move(items));
  });
}

}  // namespace cupola::api
