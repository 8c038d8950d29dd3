// What deleting takes away, said before it is done; and doing it.

#include "store/deletions.h"

#include <fmt/format.h>

#include "api/audit.h"
#include "api/etag.h"
#include "api/handlers.h"
#include "api/lookup.h"
#include "api/to_json.h"
#include "store/hold.h"

namespace cupola::api {
namespace {

std::string counted(std::int64_t count, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

/// What happens, for a person, sentence by sentence.
json::array effects_of(const store::Deletion& deletion, bool of_project) {
  json::array effects;
  const auto say = [&](const std::string& sentence) { effects.emplace_back(sentence); };
  if (of_project && deletion.deployments > 0) {
    say(counted(deletion.deployments, "deployment is", "deployments are") + " deleted with it.");
  }
  if (deletion.schedules > 0) {
    say(fmt::format("{} no more; {} switched on now.",
                    counted(deletion.schedules, "schedule fires", "schedules fire"),
                    counted(deletion.enabled_schedules, "is", "are")));
  }
  if (deletion.open_runs > 0) {
    say(counted(deletion.open_runs, "run that waits or goes on is", "runs that wait or go on are") +
        " cancelled.");
  }
  say(
      fmt::format("Its history stays readable until retention removes it: {} and {}, with logs, "
                  "fires and artifacts.",
                  counted(deletion.ended_runs + deletion.open_runs, "run", "runs"),
                  counted(deletion.releases, "release", "releases")));
  say("What its runs persisted on disk is removed.");
  if (of_project) {
    say(counted(deletion.states, "state is", "states are") + " removed.");
  } else {
    say("States stay: they are the project's. A new deployment of the environment goes on from "
        "them.");
  }
  if (deletion.secrets + deletion.notifications + deletion.tokens > 0) {
    say(fmt::format("Removed are {} and {}; {} void.",
                    counted(deletion.secrets, "secret", "secrets"),
                    counted(deletion.notifications, "notification", "notifications"),
                    counted(deletion.tokens, "token is", "tokens are")));
  }
  return effects;
}

json::object to_json(const store::Deletion& deletion, bool of_project) {
  json::object object{{"open_runs", deletion.open_runs},
                      {"ended_runs", deletion.ended_runs},
                      {"releases", deletion.releases},
                      {"schedules", deletion.schedules},
                      {"enabled_schedules", deletion.enabled_schedules},
                      {"secrets", deletion.secrets},
                      {"notifications", deletion.notifications},
                      {"tokens", deletion.tokens},
                      {"states", of_project ? deletion.states : 0},
                      {"deployments", deletion.deployments}};
  object["effects"] = effects_of(deletion, of_project);
  return object;
}

void wake_others(const Call& call) {
  call.context.hooks.wake_runner();
  call.context.hooks.wake_deployer();
  call.context.hooks.wake_notifier();
}

}  // namespace

Result<http::Reply> foresee_project_deletion(const Call& call) {
  return call.context.database.read([&](db::Session& db) -> Result<http::Reply> {
    const Result<store::Project> project = project_of(call, db);
    if (!project) return project.error();
    const store::Deletion deletion =
        store::foresee_deletion(db, call.organization(), project->key, std::nullopt);
    return tagged_reply(200, to_json(deletion, true), etag_of(settings_of(*project)));
  });
}

Result<http::Reply> delete_project(const Call& call) {
  Result<http::Reply> reply = write_once(call, [&](db::Session& db) -> Result<http::Reply> {
    store::hold(db, call.organization());
    const Result<store::Project> project = held_project_of(call, db);
    if (!project) return project.error();
    if (auto refused = mismatch(call, etag_of(settings_of(*project)))) return *std::move(refused);
    const Result<void> deleted =
        store::delete_project(db, call.organization(), project->key, call.now);
    if (!deleted) return deleted.error();
    audit(call, db,
          {.action = "project.delete",
           .name = project->name,
           .id = project->id,
           .before = settings_of(*project)});
    return http::Reply{.status = 204};
  });
  if (reply) wake_others(call);
  return reply;
}

Result<http::Reply> foresee_deployment_deletion(const Call& call) {
  return call.context.database.read([&](db::Session& db) -> Result<http::Reply> {
    const Result<Place> place = place_of(call, db);
    if (!place) return place.error();
    const store::Deletion deletion =
        store::foresee_deletion(db, call.organization(), place->project.key, place->deployment.key);
    return tagged_reply(200, to_json(deletion, false), etag_of(place->deployment));
  });
}

Result<http::Reply> delete_deployment(const Call& call) {
  Result<http::Reply> reply = write_once(call, [&](db::Session& db) -> Result<http::Reply> {
    if (const auto project = held_project_of(call, db); !project) return project.error();
    const Result<Place> place = held_place_of(call, db);
    if (!place) return place.error();
    if (auto refused = mismatch(call, etag_of(place->deployment))) return *std::move(refused);
    const Result<void> deleted =
        store::delete_deployment(db, call.organization(), place->deployment.key, call.now);
    if (!deleted) return deleted.error();
    audit(call, db,
          {.action = "deployment.delete",
           .name = place->deployment.name,
           .project = place->project.name,
           .before = settings_of(place->deployment)});
    return http::Reply{.status = 204};
  });
  if (reply) wake_others(call);
  return reply;
}

}  // namespace cupola::api
