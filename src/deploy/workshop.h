#pragma once

/// What all ways from a revision to files have in common: a release that is built, the dry run of
/// one, files that are missing. Private.

#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "deploy/builder.h"
#include "deploy/deploy_log.h"
#include "deploy/deployer.h"
#include "deploy/environments.h"
#include "git/repository.h"
#include "store/release_content.h"
#include "store/schedules.h"

namespace cupola::deploy {

/// The server's side of it. The options are referred to by the environments, so it stays in place.
struct Workshop {
  Workshop(Dependencies given, Options chosen)
      : dependencies(std::move(given)),
        options(std::move(chosen)),
        environments(dependencies.home, options) {}
  Workshop(const Workshop&) = delete;
  Workshop& operator=(const Workshop&) = delete;

  const Dependencies dependencies;
  const Options options;
  Environments environments;
  std::stop_source stop;  ///< the server ends
};

/// One release on its way, or the dry run of one.
struct Job {
  store::Deployment deployment;
  store::Project project;
  std::string revision;
  Source source;
  Lock live_lock;
  std::optional<store::ReleaseContent> live_content;
  std::int64_t live_number = 0;
  std::vector<std::string> siblings;  ///< other deployments of the project and environment
  std::vector<store::Schedule> schedules;

  std::optional<store::Release> release;  ///< none for a dry run
  DeployLog* log = nullptr;
  Lock lock;  ///< whose resolutions are kept: the live one's, or of the release rolled back to
  std::string commit;
  Prepared prepared;
  std::stop_token stop;  ///< the server ends, or the release is another's

  void tell(std::string_view line) const {
    if (log != nullptr) log->line(line);
  }
};

/// Throws Failure when the deployment's project is gone.
Job make_job(Workshop& shop, const store::Deployment& deployment, const std::string& revision);

/// For a release that was built before, at its commit. Errors: not_found.
Result<Job> job_of(Workshop& shop, const store::Release& release, const std::string& commit);

/// The mirror of the job's repository.
git::Repository repository_of(const Workshop& shop, const Job& job);

/// Fetches the job's revision and gives its commit. Errors: as Repository::fetch; invalid.
Result<std::string> fetch(const Workshop& shop, const Job& job);

/// Judges the job's checkout, which holds its commit: as `inspect_checkout`, with what only the
/// database knows, and with the digest of what the release is made of.
Result<Judged> judge(const Workshop& shop, const Job& job);

/// Whether what was prepared is what is live, but for the commit: project, environment and lock.
bool is_as_live(const Job& job, const Prepared& prepared);

}  // namespace cupola::deploy
