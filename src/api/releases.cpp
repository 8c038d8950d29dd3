#include <charconv>

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

Result<store::Release> release_numbered(db::Session& db, const store::Deployment& deployment,
                                        std::int64_t number) {
  const auto release = store::find_release(db, deployment.key, number);
  if (release) return *release;
  return Error{Error::Kind::not_found, fmt::format("The deployment has no release {}.", number),
               "`cupola deployment list` shows the last one; older ones are cleaned up."};
}

}  // namespace

Result<store::Release> release_of(const Call& call, db::Session& db) {
  const Result<Place> place = place_of(call, db);
  if (!place) return place.error();
  const std::string& text = call.in_path("number");
  std::int64_t number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) {
    return Error{Error::Kind::not_found, "There is no release " + cupola::quoted(text) + ".",
                 "Releases are numbered 1, 2, 3 and so on."};
  }
  return release_numbered(db, place->deployment, number);
}

/// POST …/update queues a release of what the revision (a new one, if given) is at now: 202.
Result<http::Reply> update_deployment(const Call& call) {
  Body body(call, {"revision", "refresh_plugins"});
  std::string revision = body.optional_text("revision", longest_revision);
  const bool refresh_plugins = body.flag("refresh_plugins");
  if (body.fault()) return *body.fault();
  if (!revision.empty()) {
    Result<std::string> plain = call.context.hooks.check_revision(revision);
    if (!plain) return plain.error();
    revision = *std::move(plain);
  }

  Result<http::Reply> reply = write_once(call, [&](db::Session& db) -> Result<http::Reply> {
    const Result<Place> place = held_place_of(call, db);
    if (!place) return place.error();
    if (auto refused = mismatch(call, etag_of(place->deployment))) return *std::move(refused);
    const std::string& before = place->deployment.revision;
    if (!revision.empty()) {
      store::set_revision(db, place->deployment.key, revision, call.now);
    }
    const store::Release queued =
        store::queue_release(db, place->deployment, refresh_plugins, call.now);
    audit(call, db,
          {.action = "deployment.update",
           .name = place->deployment.name,
           .project = place->project.name,
           .before = json::object{{"revision", before}},
           .after = json::object{{"revision", revision.empty() ? before : revision},
                                 {"refresh_plugins", refresh_plugins},
                                 {"release", queued.number}}});
    return json_reply(202, to_json(queued));
  });
  if (reply) {
    crash_point("deploy.queued");
    call.context.hooks.wake_deployer();
  }
  return reply;
}

/// GET …/plan gives what an update would change, and changes nothing.
Result<http::Reply> plan_deployment(const Call& call) {
  const Result<Place> place = call.context.database.read(
      [&](db::Session& db) -> Result<Place> { return place_of(call, db); });
  if (!place) return place.error();

  http::Reply reply;
  reply.slow = [&context = call.context, deployment = place->deployment] {
    const Result<json::object> plan = context.hooks.plan_update(deployment);
    return plan ? json_reply(200, *plan) : http::problem(plan.error());
  };
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
    const Result<Place> place = place_of(call, db);
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
