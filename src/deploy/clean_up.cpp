#include "deploy/clean_up.h"

#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <sys/stat.h>

#include "base/crash_point.h"
#include "base/file_lock.h"
#include "base/files.h"
#include "base/log.h"
#include "deploy/environments.h"
#include "git/repository.h"
#include "store/deletions.h"
#include "store/deployments.h"
#include "store/release_content.h"

namespace cupola::deploy {
namespace {

namespace fs = std::filesystem;

/// What is younger may belong to a step that goes on.
constexpr std::chrono::milliseconds surely_abandoned = 24h;

Instant changed_at(const fs::path& path) {
  struct ::stat info {};
  if (::lstat(path.c_str(), &info) != 0) return Instant::max();
  return Instant{std::chrono::seconds{info.st_mtim.tv_sec}};
}

int remove_releases(db::Database& database, const Home& home, int keep) {
  int count = 0;
  const auto surplus =
      database.read([&](db::Session& db) { return store::list_surplus_releases(db, keep); });
  std::set<ProjectKey> touched;
  for (const ReleaseKey& key : surplus) {
    const auto release =
        database.read([&](db::Session& db) { return store::find_release(db, key); });
    if (!remove_tree(home.release(key))) {
      log_warning("clean-up: files of an old release stay in {}", home.release(key).string());
      continue;
    }
    std::error_code ignored;
    fs::remove(home.deploy_log(key), ignored);
    crash_point("upkeep.release_removed");
    database.write([&](db::Session& db) { store::forget_release(db, key); });
    crash_point("upkeep.release_forgotten");
    if (release) touched.insert(release->project);
    ++count;
  }
  if (touched.empty()) return count;

  // The mirrors let go of commits that no kept release stands for.
  std::set<std::string> kept;
  for (const auto& release :
       database.read([&](db::Session& db) { return store::list_kept_releases(db); })) {
    if (release.commit) kept.insert(*release.commit);
  }
  for (const ProjectKey& project : touched) {
    const git::Repository repository(home.repository(project), "", {.home = home.root()});
    std::vector<std::string> gone;
    for (auto& commit : repository.kept()) {
      if (!kept.contains(commit)) gone.push_back(std::move(commit));
    }
    for (const auto& commit : gone) repository.forget(commit);
    if (!gone.empty()) repository.tidy();
  }
  return count;
}

/// Folders whose rows are gone, or have no use for them: of a deployment or project that was
/// deleted, of a release that another server cleaned up.
void remove_orphans(db::Database& database, const Home& home, Instant now) {
  const auto ask = [&](auto question) {
    return database.read([&](db::Session& db) { return question(db); });
  };
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(home.releases(), ignored)) {
    if (now - changed_at(entry.path()) < surely_abandoned) continue;
    const ReleaseKey key{entry.path().filename().string()};
    if (!ask([&](auto& db) { return store::is_checkout_kept(db, key); })) remove_tree(entry.path());
  }
  for (const auto& entry : fs::directory_iterator(home.logs() / "deploys", ignored)) {
    if (now - changed_at(entry.path()) < surely_abandoned) continue;
    const ReleaseKey key{entry.path().stem().string()};
    if (!ask([&](auto& db) { return store::is_release_log_kept(db, key); })) {
      fs::remove(entry.path(), ignored);
    }
  }
  for (const auto& entry : fs::directory_iterator(home.persisted(), ignored)) {
    const DeploymentKey key{entry.path().filename().string()};
    if (ask([&](auto& db) { return store::is_over(db, key); })) remove_tree(entry.path());
  }
  for (const auto& entry : fs::directory_iterator(home.root() / "repositories", ignored)) {
    if (entry.path().extension() != ".git" || !entry.is_directory()) continue;
    if (now - changed_at(entry.path()) < surely_abandoned) continue;
    const ProjectKey key{entry.path().stem().string()};
    if (ask([&](auto& db) { return store::is_over(db, key); })) {
      remove_tree(entry.path());
      fs::remove(fs::path(entry.path()).concat(".lock"), ignored);
    }
  }
}

std::set<std::string> environments_in_use(db::Database& database) {
  std::set<std::string> keys;
  for (const auto& release :
       database.read([&](db::Session& db) { return store::list_kept_releases(db); })) {
    const auto content = store::parse_release_content(*release.content);
    keys.insert(content.meltano_environment);
    for (const auto& environment : content.environments) keys.insert(environment.key);
  }
  return keys;
}

int remove_environments(db::Database& database, const Home& home,
                        std::chrono::milliseconds unused_for, Instant now) {
  int count = 0;
  const auto in_use = environments_in_use(database);
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(home.environments(), ignored)) {
    const std::string name = entry.path().filename();
    if (!entry.is_directory()) continue;
    if (name.starts_with(".") || name.ends_with(".new")) {
      if (now - changed_at(entry.path()) > surely_abandoned) remove_tree(entry.path());
      continue;
    }
    const fs::path manifest = entry.path() / manifest_name;
    const bool complete = fs::exists(manifest, ignored);
    const auto used = changed_at(complete ? manifest : entry.path());
    if (in_use.contains(name) || now - used < (complete ? unused_for : surely_abandoned)) continue;
    const auto lock = FileLock::try_take(home.environments() / fmt::format(".lock-{}", name));
    if (!lock || (complete && changed_at(manifest) != used)) continue;
    // First out of its place, so that nobody finds half of it.
    const fs::path gone = home.environments() / (".gone-" + name);
    fs::rename(entry.path(), gone, ignored);
    crash_point("upkeep.environment_moved");
    remove_tree(gone);
    crash_point("upkeep.environment_removed");
    ++count;
  }
  return count;
}

}  // namespace

Removed clean_up(db::Database& database, const Home& home, const Retention& retention,
                 Instant now) {
  Removed removed;
  removed.releases = remove_releases(database, home, retention.releases);
  remove_orphans(database, home, now);
  removed.environments = remove_environments(database, home, retention.environments, now);
  return removed;
}

}  // namespace cupola::deploy
