#include "deploy/release_files.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/log.h"
#include "base/text.h"
#include "deploy/build_steps.h"
#include "deploy/checkout.h"

namespace cupola::deploy {
namespace {

namespace fs = std::filesystem;

Error incomplete(const store::Release& release) {
  return {Error::Kind::conflict, fmt::format("Release {} is not complete.", release.number),
          "Deploy again."};
}

/// The addresses of the content's environments that are not on this machine; the others are used.
std::vector<std::string> missing_environments(const Environments& environments,
                                              const store::ReleaseContent& content) {
  std::vector<std::string> keys = {content.meltano_environment};
  for (const auto& environment : content.environments) keys.push_back(environment.key);
  std::vector<std::string> missing;
  for (auto& key : keys) {
    if (environments.is_there(key))
      environments.touch(key);
    else
      missing.push_back(std::move(key));
  }
  return missing;
}

/// What is made without a release's log tells the server's, which has no secrets either.
Progress to_server_log(const Job& job) {
  return [&job](std::string_view line) {
    log_info("deploy: {}", printable(masked(line, job.source.secrets)));
  };
}

Result<void> rebuild(Workshop& shop, const Job& job, const store::Release& release,
                     const store::ReleaseContent& content, const std::string& key) {
  const Lock lock = parse_lock(*release.lock);
  if (const LockEntry* locked = lock.find_key(key); locked != nullptr) {
    LockEntry entry = *locked;
    const auto place =
        std::find_if(content.environments.begin(), content.environments.end(),
                     [&](const auto& environment) { return environment.key == key; });
    const auto built = shop.environments.ensure(
        job.source, entry, place == content.environments.end() ? "" : place->fingerprint,
        to_server_log(job), job.stop);
    if (!built) return built;
    if (shop.environments.is_there(key)) return {};
  }
  return Error{Error::Kind::conflict,
               fmt::format("The environment {} of release {} cannot be made as it was.",
                           key.substr(0, 12), release.number),
               "Python or the sandbox of this server changed since: deploy again."};
}

}  // namespace

Result<void> ensure_checkout(Workshop& shop, const store::Release& release) {
  if (fs::exists(shop.dependencies.home.checkout(release.key))) return {};
  if (!release.commit) return incomplete(release);
  auto job = job_of(shop, release, *release.commit);
  if (!job) return job.error();
  if (auto commit = fetch(shop, *job); !commit) return commit.error();
  const auto made = ensure_checkout(shop.dependencies.home, repository_of(shop, *job), release.key,
                                    *release.commit, job->stop);
  if (!made) return made.error();
  return {};
}

Result<void> ensure_files(Workshop& shop, const store::Release& release) {
  if (!release.content || !release.lock) return incomplete(release);
  const auto content = store::parse_release_content(*release.content);
  const auto missing = missing_environments(shop.environments, content);
  if (const auto checkout = ensure_checkout(shop, release); !checkout) return checkout;
  const bool is_built =
      content.build.empty() || fs::exists(built_mark(shop.dependencies.home, release.key));
  if (missing.empty() && is_built) return {};

  auto job = job_of(shop, release, content.commit);
  if (!job) return job.error();
  job->source.checkout = shop.dependencies.home.checkout(release.key);
  for (const auto& key : missing) {
    if (auto built = rebuild(shop, *job, release, content, key); !built) return built;
  }
  if (is_built) return {};
  job->commit = content.commit;
  if (auto commit = fetch(shop, *job); !commit) return commit.error();
  return ensure_built(shop, *job, content, release.key, to_server_log(*job));
}

}  // namespace cupola::deploy
