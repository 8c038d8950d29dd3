#include <fmt/format.h>

#include "api/audit.h"
#include "api/etag.h"
#include "api/handlers.h"
#include "api/input.h"
#include "api/lookup.h"
#include "api/to_json.h"
#include "base/crash_point.h"
#include "base/text.h"

namespace cupola::api {
namespace {

constexpr std::size_t longest_revision = 250;
constexpr std::size_t longest_environment = 200;

Result<store::Release> release_numbered(db::Session& db, const store::Deployment& deployment,
                                        std::int64_t number) {
  const auto release = store::find_release(db, deployment.key, number);
  if (release) return *release;
  return Error{Error::Kind::not_found, fmt::format("The deployment has no release {}.", number),
               "`cupola deployment list` shows the last one; older ones are cleaned up."};
}

}  // namespace

Result<store::Release> release_of(const Call& call, db::Session& db) {
  const Result<Place> place = past_place_of(call, db);
  if (!place) return place.error();
  const std::string& text = call.in_path("number");
  const auto number = whole_number(text);
  if (!number) {
    return Error{Error::Kind::not_found, "There is no release " + cupola::quoted(text) + ".",
                 "Releases are numbered 1, 2, 3 and so on."};
  }
  return release_numbered(db, place->deployment, *number);
}

namespace {

/// The body of an update.
struct Update {
  std::string revision;     ///< empty: as it is
  std::string environment;  ///< empty: as it is
  bool keeps_commit = false;
  store::ReleaseWish wish;
};

Result<Update> update_of(const Call& call) {
  Body body(call, {"revision", "environment", "refresh_plugins", "force", "preserve_git_hash"});
  Update update{
      .revision = body.optional_text("revision", longest_revision),
      .environment = body.optional_text("environment", longest_environment),
      .keeps_commit = body.flag("preserve_git_hash"),
      .wish = {.refresh_plugins = body.flag("refresh_plugins"), .forced = body.flag("force")}};
  if (has_control(update.environment)) {
    body.refuse("\"environment\" must hold no control characters.");
  }
  if (update.keeps_commit && !update.revision.empty()) {
    body.refuse("\"preserve_git_hash\" and \"revision\" exclude each other.",
                "Either stay at the commit that is live, or name another one.");
  }
  if (body.fault()) return *body.fault();
  if (!update.revision.empty()) {
    Result<std::string> plain = call.context.hooks.check_revision(update.revision);
    if (!plain) return plain.error();
    update.revision = *std::move(plain);
  }
  return update;
}

Result<std::string> live_commit(db::Session& db, const store::Deployment& deployment) {
  const auto live =
      deployment.release ? store::find_release(db, *deployment.release) : std::nullopt;
  if (live && live->commit) return *live->commit;
  return Error{Error::Kind::conflict,
               fmt::format("The deployment '{}' has no live release whose commit could be kept.",
                           deployment.name),
               "Update it without preserve_git_hash."};
}

}  // namespace

/// POST …/update queues a release of what the revision (a new one, if given) is at now, or of the
/// commit that is live: 202. The release ends as unchanged where nothing is to be deployed.
Result<http::Reply> update_deployment(const Call& call) {
  const Result<Update> asked = update_of(call);
  if (!asked) return asked.error();

  Result<http::Reply> reply = write_once(call, [&](db::Session& db) -> Result<http::Reply> {
    const Result<Place> place = held_place_of(call, db);
    if (!place) return place.error();
    if (auto refused = mismatch(call, etag_of(place->deployment))) return *std::move(refused);
    store::Deployment deployment = place->deployment;
    store::ReleaseWish wish = asked->wish;
    if (asked->keeps_commit) {
      const Result<std::string> commit = live_commit(db, deployment);
      if (!commit) return commit.error();
      wish.commit = *commit;
    }
    if (!asked->revision.empty()) deployment.revision = asked->revision;
    if (!asked->environment.empty()) deployment.environment = asked->environment;
    if (!asked->revision.empty() || !asked->environment.empty()) {
      store::set_target(db, deployment.key, deployment.revision, deployment.environment, call.now);
    }
    const store::Release queued = store::queue_release(db, deployment, wish, call.now);
    audit(call, db,
          {.action = "deployment.update",
           .name = deployment.name,
           .project = place->project.name,
           .before = json::object{{"revision", place->deployment.revision},
                                  {"environment", place->deployment.environment}},
           .after = json::object{{"revision", deployment.revision},
                                 {"environment", deployment.environment},
                                 {"refresh_plugins", wish.refresh_plugins},
                                 {"force", wish.forced},
                                 {"commit", or_null(wish.commit)},
                                 {"release", queued.number}}});
    return json_reply(202, to_json(queued));
  });
  if (reply) {
    crash_point("deploy.queued");
    call.context.hooks.wake_deployer();
  }
  return reply;
}

/// POST …/rollback queues a release of the commit and the lock of an earlier one: 202. The
/// deployment goes on following its revision: the next update deploys that.
Result<http::Reply> roll_back_deployment(const Call& call) {
  Body body(call, {"release"});
  const std::int64_t number = body.number("release", 1, 1LL << 53);
  if (body.fault()) return *body.fault();

  Result<http::Reply> reply = write_once(call, [&](db::Session& db) -> Result<http::Reply> {
    const Result<Place> place = held_place_of(call, db);
    if (!place) return place.error();
    if (auto refused = mismatch(call, etag_of(place->deployment))) return *std::move(refused);
    const Result<store::Release> release = release_numbered(db, place->deployment, number);
    if (!release) return release.error();
    if (place->deployment.release == release->key) {
      return Error{Error::Kind::conflict, fmt::format("Release {} is the live one.", number)};
    }
    const Result<store::Release> queued =
        store::queue_rollback(db, place->deployment, number, call.now);
    if (!queued) return queued.error();
    audit(call, db,
          {.action = "deployment.rollback",
           .name = place->deployment.name,
           .project = place->project.name,
           .after = json::object{{"to_release", number},
                                 {"commit", or_null(queued->commit)},
                                 {"release", queued->number}}});
    return json_reply(202, to_json(*queued));
  });
  if (reply) call.context.hooks.wake_deployer();
  return reply;
}

Result<http::Reply> list_releases(const Call& call) {
  Query query(call);
  const int limit = query.limit();
  if (query.fault()) return *query.fault();

  return call.context.database.read([&](db::Session& db) -> Result<http::Reply> {
    const Result<Place> place = past_place_of(call, db);
    if (!place) return place.error();
    json::array items;
    for (const store::Release& release : store::list_releases(db, place->deployment.key, limit)) {
      items.emplace_back(to_json(release));
    }
    return list_reply("releases", std::move(items));
  });
}

Result<http::Reply> show_release(const Call& call) {
  return call.context.database.read([&](db::Session& db) -> Result<http::Reply> {
    const Result<store::Release> release = release_of(call, db);
    if (!release) return release.error();
    return json_reply(200, to_json(*release));
  });
}

}  // namespace cupola::api
