// Creating and updating a deployment: prepared, then done, with an answer once its release is live.

#include <fmt/format.h>

#include "api/cloud/handlers.h"
#include "api/cloud/inner.h"
#include "api/cloud/objects.h"
#include "api/cloud/prepared.h"
#include "api/handlers.h"
#include "api/input.h"
#include "api/lookup.h"
#include "base/text.h"

namespace cupola::api::cloud {
namespace {

constexpr std::size_t longest_environment = 200;
constexpr std::size_t longest_revision = 250;
/// So long the CLI is kept waiting; the deploy goes on after it.
constexpr std::chrono::minutes longest_wait{30};

/// Python's words: True or False.
bool flag(Query& query, std::string_view name) {
  const std::string value = to_lower(query.text(name));
  if (!value.empty() && value != "true" && value != "false") {
    query.refuse(fmt::format("?{}= is True or False.", name));
  }
  return value == "true";
}

Result<http::Reply> prepare(const Call& call) {
  Query query(call);
  const bool force = flag(query, "force");
  const bool keep = flag(query, "preserve_git_hash");
  Body body(call, {"environment_name", "git_rev"});
  const std::string environment = body.text("environment_name", longest_environment);
  const std::string revision = body.text("git_rev", longest_revision);
  if (query.fault()) return *query.fault();
  if (body.fault()) return *body.fault();
  return prepared_reply(call, http::Method::post,
                        {{"environment_name", environment},
                         {"git_rev", revision},
                         {"force", force},
                         {"preserve_git_hash", keep}});
}

struct Wish {
  store::Project project;
  std::optional<store::Deployment> deployment;  ///< to be updated; else one is made
  std::string environment;
  std::string revision;
  std::string planned;  ///< the revision, or the commit that is kept
  bool force = false;
  bool keeps_commit = false;
};

Result<Wish> wish_of(const Call& call) {
  Body body(call, {"environment_name", "git_rev", "force", "preserve_git_hash"});
  Wish wish{.project = {},
            .deployment = {},
            .environment = body.text("environment_name", longest_environment),
            .revision = body.text("git_rev", longest_revision),
            .planned = {},
            .force = body.flag("force"),
            .keeps_commit = body.flag("preserve_git_hash")};
  if (body.fault()) return *body.fault();
  const auto plain = call.context.hooks.check_revision(wish.revision);
  if (!plain) return plain.error();
  wish.revision = *plain;
  const auto found = call.context.database.read([&](db::Session& db) -> Result<void> {
    const auto project = project_of(call, db);
    if (!project) return project.error();
    wish.project = *project;
    wish.deployment =
        store::find_deployment(db, call.organization(), project->key, call.in_path("deployment"));
    const bool keeps = wish.keeps_commit && wish.deployment && wish.deployment->release;
    const auto live = keeps ? store::find_release(db, *wish.deployment->release) : std::nullopt;
    wish.planned = live && live->commit ? *live->commit : wish.revision;
    return {};
  });
  if (!found) return found.error();
  return wish;
}

/// The hosted product deployed no environment without a schedule: nothing of it would ever run.
Result<void> check_schedules(const Call& call, const Wish& wish) {
  store::Deployment planned;  // one that is not there yet: its plan names every schedule
  planned.organization = call.organization();
  planned.project = wish.project.key;
  planned.environment = wish.environment;
  planned.revision = wish.planned;
  const Result<json::object> plan = call.context.hooks.plan(planned, false);
  if (!plan) return plan.error();
  const auto list = [&](std::string_view name) {
    const json::value* value = plan->if_contains(name);
    return value != nullptr && value->is_array() ? value->get_array() : json::array();
  };
  if (!list("schedules").empty()) return {};
  for (const json::value& fault : list("faults")) {
    // The deploy will say it better.
    if (fault.is_object() && text_at(fault.get_object(), "severity") == "rejects") return {};
  }
  return Error{Error::Kind::invalid,
               fmt::format("There is no schedule in the environment {} of {} (in its folder {}).",
                           cupola::quoted(wish.environment), wish.project.repository,
                           cupola::quoted(wish.project.directory)),
               "Add one to its meltano.yml, and commit it."};
}

struct Queued {
  DeploymentKey deployment;
  std::int64_t release = 0;
};

/// Queues a release, by the handlers of our own API.
Result<Queued> queue(const Call& call, const Wish& wish) {
  json::object body{{"environment", wish.environment}};
  // Either it stays at its commit or it is given a revision: our own API refuses both at once.
  if (!wish.deployment || !wish.keeps_commit) body["revision"] = wish.revision;
  if (wish.deployment) {
    body["force"] = wish.force;
    body["preserve_git_hash"] = wish.keeps_commit;
  } else {
    body["name"] = call.in_path("deployment");
  }
  const Inner inner(call, body);
  const auto reply =
      wish.deployment ? update_deployment(inner.call()) : create_deployment(inner.call());
  if (!reply) return reply.error();
  return call.context.database.read([&](db::Session& db) -> Result<Queued> {
    const Result<Place> place = place_of(call, db);
    if (!place) return place.error();
    const auto newest = store::list_releases(db, place->deployment.key, 1);
    if (newest.empty()) throw Failure("A release that was just queued is not there.");
    return Queued{place->deployment.key, newest.front().number};
  });
}

/// What became of it; nothing while it is being built.
std::optional<http::Reply> outcome_of(db::Session& db, const Queued& queued) {
  const auto deployment = store::find_deployment(db, queued.deployment);
  const auto release = store::find_release(db, queued.deployment, queued.release);
  if (!deployment || deployment->deleted_at || !release) {
    return http::problem({Error::Kind::conflict, "The deployment was deleted meanwhile."});
  }
  switch (release->status) {
    case store::ReleaseStatus::queued:
    case store::ReleaseStatus::building:
      return std::nullopt;
    case store::ReleaseStatus::unchanged:
      return http::Reply{.status = 204};
    case store::ReleaseStatus::failed:
      return http::problem({Error::Kind::invalid, release->error.value_or("The deploy failed.")});
    case store::ReleaseStatus::live:
    case store::ReleaseStatus::retired:
      break;
  }
  return json_reply(200, deployment_object(*deployment, *release));
}

http::Reply once_deployed(const Call& call, const Queued& queued) {
  http::Reply reply;
  reply.later = [&context = call.context, queued,
                 until = call.now + longest_wait]() -> std::optional<http::Reply> {
    auto outcome = context.database.read([&](db::Session& db) { return outcome_of(db, queued); });
    if (outcome || context.clock.now() < until) return outcome;
    return http::problem({Error::Kind::unavailable, "The deploy takes longer than half an hour.",
                          "It goes on: look whether it is done with deployment list."});
  };
  return reply;
}

}  // namespace

/// POST gives a prepared request; that one answers once the release is live, with the deployment;
/// 204 where nothing changed.
Result<http::Reply> deploy(const Call& call) {
  if (!is_prepared(call)) return prepare(call);
  const Result<Wish> wish = wish_of(call);
  if (!wish) return wish.error();
  http::Reply reply;
  reply.slow = [call, wish = *wish] {
    if (const auto checked = check_schedules(call, wish); !checked) {
      return http::problem(checked.error());
    }
    const Result<Queued> queued = queue(call, wish);
    return queued ? once_deployed(call, *queued) : http::problem(queued.error());
  };
  return reply;
}

}  // namespace cupola::api::cloud
