#include <fmt/format.h>

#include "base/text.h"
#include "store/columns.h"
#include "store/deployments.h"
#include "store/notification_events.h"
#include "store/topics.h"

namespace cupola::store {
namespace {

#define RELEASE_COLUMNS                                                                      \
  "releases.key, releases.organization_key, releases.project_key, releases.deployment_key, " \
  "releases.number, releases.status,"                                                        \
  " releases.refresh_plugins, releases.commit_hash, releases.content, releases.lock, "       \
  "releases.plan, releases.error, releases.created_at, "                                     \
  "releases.live_at,"                                                                        \
  " releases.ended_at, releases.forced"

constexpr Words<ReleaseStatus, 6> status_words = {{{ReleaseStatus::queued, "queued"},
                                                   {ReleaseStatus::building, "building"},
                                                   {ReleaseStatus::live, "live"},
                                                   {ReleaseStatus::retired, "retired"},
                                                   {ReleaseStatus::failed, "failed"},
                                                   {ReleaseStatus::unchanged, "unchanged"}}};

Release to_release(const db::Row& row) {
  return {.key = row.get<ReleaseKey>(0),
          .organization = row.get<OrganizationKey>(1),
          .project = row.get<ProjectKey>(2),
          .deployment = row.get<DeploymentKey>(3),
          .number = row.get<std::int64_t>(4),
          .status = value_in_column(status_words, row.get<std::string>(5)),
          .refresh_plugins = row.get<bool>(6),
          .forced = row.get<bool>(15),
          .commit = row.get<std::optional<std::string>>(7),
          .content = row.get<std::optional<std::string>>(8),
          .lock = row.get<std::optional<std::string>>(9),
          .plan = row.get<std::optional<std::string>>(10),
          .error = row.get<std::optional<std::string>>(11),
          .created_at = row.get<Instant>(12),
          .live_at = row.get<std::optional<Instant>>(13),
          .ended_at = row.get<std::optional<Instant>>(14)};
}

void set_status(db::Session& db, const DeploymentKey& deployment, DeploymentStatus status,
                Instant now) {
  db.execute("UPDATE deployments SET status = :status, updated_at = :now WHERE key = :key",
             {{"status", to_text(status)}, {"now", now}, {"key", deployment}});
}

/// What a deployment is once a release of it has ended: another may wait already.
DeploymentStatus status_after(db::Session& db, const DeploymentKey& deployment,
                              DeploymentStatus otherwise) {
  const auto waiting =
      db.one("SELECT 1 FROM releases WHERE deployment_key = :deployment AND status = 'queued'",
             [](const db::Row&) { return true; }, {{"deployment", deployment}});
  return waiting ? DeploymentStatus::deploying : otherwise;
}

}  // namespace

std::string_view to_text(ReleaseStatus status) {
  return word_for(status_words, status);
}

namespace {

/// `lock` is that of the release whose commit is wanted again, where its plugins are too.
Release queue(db::Session& db, const Deployment& deployment, const ReleaseWish& wish,
              const std::optional<std::string>& lock, Instant now) {
  db.tell(topics::releases);
  // Two servers that queue at once must not draw the same number.
  db.execute("SELECT key FROM deployments WHERE key = :deployment /* pg: FOR UPDATE */",
             {{"deployment", deployment.key}});
  const auto waiting = db.one(
      "UPDATE releases SET commit_hash = :commit, lock = :lock, refresh_plugins ="
      " CASE WHEN :refresh = 1 THEN 1 ELSE refresh_plugins END,"
      " forced = CASE WHEN :forced = 1 THEN 1 ELSE forced END"
      " WHERE deployment_key = :deployment AND status = 'queued'"
      " RETURNING " RELEASE_COLUMNS,
      to_release,
      {{"commit", wish.commit},
       {"lock", lock},
       {"refresh", wish.refresh_plugins},
       {"forced", wish.forced},
       {"deployment", deployment.key}});
  if (waiting) return *waiting;
  const auto made = db.one(R"sql(
      INSERT INTO releases (key, organization_key, project_key, deployment_key, number, status,
                                 refresh_plugins, forced, commit_hash, lock, files_kept, created_at)
      SELECT :key, :organization, :project, :deployment, coalesce(max(number), 0) + 1, 'queued',
             :refresh, :forced, :commit, :lock, 1, :now
      FROM releases WHERE deployment_key = :deployment
      RETURNING )sql" RELEASE_COLUMNS,
                           to_release,
                           {{"key", new_id<ReleaseKey>()},
                            {"organization", deployment.organization},
                            {"project", deployment.project},
                            {"deployment", deployment.key},
                            {"refresh", wish.refresh_plugins},
                            {"forced", wish.forced},
                            {"commit", wish.commit},
                            {"lock", lock},
                            {"now", now}});
  set_status(db, deployment.key, DeploymentStatus::deploying, now);
  return *made;
}

}  // namespace

Release queue_release(db::Session& db, const Deployment& deployment, const ReleaseWish& wish,
                      Instant now) {
  return queue(db, deployment, wish, std::nullopt, now);
}

Result<Release> queue_rollback(db::Session& db, const Deployment& deployment,
                               std::int64_t release_number, Instant now) {
  const auto old = find_release(db, deployment.key, release_number);
  if (!old) {
    return Error{Error::Kind::not_found,
                 fmt::format("The deployment has no release {}.", release_number),
                 "Look at the list of its releases."};
  }
  if (!old->commit || !old->lock || !old->live_at) {
    return Error{
        Error::Kind::conflict,
        fmt::format("Release {} was never live, or what it had is cleaned up.", release_number),
        "Choose another one, or deploy its commit as revision."};
  }
  return queue(db, deployment, {.commit = old->commit}, old->lock, now);
}

namespace {

// While one of a deployment builds, also under a lease that ended, its next one waits.
#define OLDEST_CLAIMABLE                                                                \
  "SELECT c.key FROM releases c"                                                        \
  " WHERE c.ended_at IS NULL AND c.live_at IS NULL"                                     \
  " AND (c.status = 'queued'"                                                           \
  " OR (c.status = 'building' AND (c.worker = :worker OR c.lease_ends < :now)))"        \
  " AND NOT EXISTS (SELECT 1 FROM releases b WHERE b.deployment_key = c.deployment_key" \
  " AND b.status = 'building' AND b.key <> c.key)"                                      \
  " ORDER BY c.created_at, c.key LIMIT 1"

}  // namespace

std::optional<Release> claim_release(db::Session& db, std::string_view worker, Instant now,
                                     std::chrono::milliseconds lease) {
  return db.one(
      "UPDATE releases SET status = 'building', worker = :worker, lease_ends = :lease_ends"
      " WHERE key = (" OLDEST_CLAIMABLE
      " /* pg: FOR UPDATE SKIP LOCKED */)"
      " RETURNING " RELEASE_COLUMNS,
      to_release, {{"worker", worker}, {"now", now}, {"lease_ends", now + lease}});
}

bool has_claimable_release(db::Session& db, std::string_view worker, Instant now) {
  return db
      .one(OLDEST_CLAIMABLE, [](const db::Row&) { return true; },
           {{"worker", worker}, {"now", now}})
      .has_value();
}

bool renew_release_lease(db::Session& db, const ReleaseKey& release, std::string_view worker,
                         Instant lease_ends) {
  return db.execute(R"sql(
      UPDATE releases SET lease_ends = :lease_ends
      WHERE key = :key AND worker = :worker AND status = 'building')sql",
                    {{"lease_ends", lease_ends}, {"key", release}, {"worker", worker}}) == 1;
}

std::optional<Release> find_release(db::Session& db, const ReleaseKey& key) {
  return db.one("SELECT " RELEASE_COLUMNS " FROM releases WHERE key = :key", to_release,
                {{"key", key}});
}

std::optional<Release> find_release(db::Session& db, const DeploymentKey& deployment,
                                    std::int64_t number) {
  return db.one("SELECT " RELEASE_COLUMNS
                " FROM releases WHERE deployment_key = :deployment AND number = :number",
                to_release, {{"deployment", deployment}, {"number", number}});
}

std::vector<Release> list_releases(db::Session& db, const DeploymentKey& deployment, int limit) {
  return db.all("SELECT " RELEASE_COLUMNS
                " FROM releases WHERE deployment_key = :deployment"
                " ORDER BY number DESC LIMIT :limit",
                to_release, {{"deployment", deployment}, {"limit", limit}});
}

Result<void> switch_over(db::Session& db, const SwitchOver& switch_over, Instant now) {
  const auto deployment = db.one(R"sql(
      UPDATE releases SET status = 'live', commit_hash = :commit, content = :content, lock = :lock,
        plan = :plan, live_at = :now, worker = NULL, lease_ends = NULL
      WHERE key = :key AND worker = :worker AND status = 'building'
      RETURNING deployment_key)sql",
                                 [](const db::Row& row) { return row.get<DeploymentKey>(0); },
                                 {{"commit", switch_over.commit},
                                  {"content", switch_over.content},
                                  {"lock", switch_over.lock},
                                  {"plan", switch_over.plan},
                                  {"now", now},
                                  {"key", switch_over.release},
                                  {"worker", switch_over.worker}});
  if (!deployment) {
    return Error{
        Error::Kind::conflict,
        "The release is not being built by this worker any more: another one took it over.",
        "Nothing was switched; look at the release's log."};
  }
  db.execute(R"sql(
      UPDATE releases SET status = 'retired', ended_at = :now
      WHERE deployment_key = :deployment AND status = 'live' AND key <> :key)sql",
             {{"now", now}, {"deployment", *deployment}, {"key", switch_over.release}});
  db.execute("UPDATE deployments SET release_key = :release WHERE key = :deployment",
             {{"release", switch_over.release}, {"deployment", *deployment}});
  set_status(db, *deployment, status_after(db, *deployment, DeploymentStatus::live), now);
  db.tell(topics::releases);
  db.tell(topics::runs);  // some may have waited for a live release
  return {};
}

bool fail_release(db::Session& db, const ReleaseKey& release, std::string_view worker,
                  const std::optional<std::string>& commit, std::string_view error, Instant now) {
  const auto deployment = db.one(R"sql(
      UPDATE releases SET status = 'failed', commit_hash = coalesce(:commit, commit_hash),
        error = :error, ended_at = :now, worker = NULL, lease_ends = NULL
      WHERE key = :key AND worker = :worker AND status = 'building'
      RETURNING deployment_key)sql",
                                 [](const db::Row& row) { return row.get<DeploymentKey>(0); },
                                 {{"commit", commit},
                                  {"error", printable(error)},
                                  {"now", now},
                                  {"key", release},
                                  {"worker", worker}});
  if (!deployment) return false;
  set_status(db, *deployment, status_after(db, *deployment, DeploymentStatus::failed), now);
  tell_failed_deploy(db, release, now);
  db.tell(topics::releases);
  return true;
}

bool end_unchanged_release(db::Session& db, const ReleaseKey& release, std::string_view worker,
                           std::string_view commit, Instant now) {
  const auto deployment =
      db.one(R"sql(
      UPDATE releases SET status = 'unchanged', commit_hash = :commit, ended_at = :now,
        worker = NULL, lease_ends = NULL
      WHERE key = :key AND worker = :worker AND status = 'building'
      RETURNING deployment_key)sql",
             [](const db::Row& row) { return row.get<DeploymentKey>(0); },
             {{"commit", commit}, {"now", now}, {"key", release}, {"worker", worker}});
  if (!deployment) return false;
  set_status(db, *deployment, status_after(db, *deployment, DeploymentStatus::live), now);
  db.tell(topics::releases);
  return true;
}

namespace {

#define USED_BY_AN_OPEN_RUN                                         \
  "EXISTS (SELECT 1 FROM runs u WHERE u.release_key = releases.key" \
  " AND u.status IN ('starting', 'running', 'stopping'))"

#define CHECKOUT_IS_KEPT                                                          \
  "releases.files_kept = 1 AND (" USED_BY_AN_OPEN_RUN                             \
  " OR EXISTS (SELECT 1 FROM deployments d WHERE d.key = releases.deployment_key" \
  " AND d.deleted_at IS NULL))"

}  // namespace

std::vector<ReleaseKey> list_surplus_releases(db::Session& db, int keep) {
  return db.all(
      "SELECT releases.key FROM releases"
      " WHERE releases.files_kept = 1 AND releases.status IN ('retired', 'failed', 'unchanged')"
      " AND (SELECT count(*) FROM releases n WHERE n.deployment_key = releases.deployment_key"
      " AND n.number > releases.number AND n.status <> 'unchanged') >= :keep"
      " AND NOT " USED_BY_AN_OPEN_RUN " ORDER BY releases.key",
      [](const db::Row& row) { return row.get<ReleaseKey>(0); }, {{"keep", keep}});
}

void forget_release(db::Session& db, const ReleaseKey& release) {
  db.execute(R"sql(
      UPDATE releases SET files_kept = 0, content = NULL, lock = NULL, plan = NULL
      WHERE key = :key AND status IN ('retired', 'failed', 'unchanged'))sql",
             {{"key", release}});
}

bool is_checkout_kept(db::Session& db, const ReleaseKey& release) {
  return db
      .one("SELECT 1 FROM releases WHERE releases.key = :key AND " CHECKOUT_IS_KEPT,
           [](const db::Row&) { return true; }, {{"key", release}})
      .has_value();
}

bool is_release_log_kept(db::Session& db, const ReleaseKey& release) {
  return db
      .one("SELECT 1 FROM releases WHERE key = :key AND files_kept = 1",
           [](const db::Row&) { return true; }, {{"key", release}})
      .has_value();
}

std::vector<Release> list_kept_releases(db::Session& db) {
  return db.all("SELECT " RELEASE_COLUMNS
                " FROM releases WHERE releases.content IS NOT NULL AND " CHECKOUT_IS_KEPT
                " ORDER BY releases.key",
                to_release);
}

}  // namespace cupola::store
