#include "deploy/workshop.h"

#include <chrono>

#include <fmt/format.h>

#include "deploy/checkout.h"
#include "deploy/spent.h"
#include "git/address.h"
#include "store/secrets.h"

namespace cupola::deploy {

Job make_job(Workshop& shop, const store::Deployment& deployment, const std::string& revision) {
  return shop.dependencies.database.read([&](db::Session& db) {
    Job job{.deployment = deployment, .revision = revision, .stop = shop.stop.get_token()};
    const auto project = store::find_project(db, deployment.project);
    if (!project) throw Failure("the project of the deployment " + deployment.name + " is gone");
    job.project = *project;
    job.source = {.directory = project->directory.empty() ? "." : project->directory,
                  .organization = deployment.organization,
                  .repository = project->repository,
                  .secrets = store::open_secrets(db, shop.dependencies.vault, deployment.project,
                                                 deployment.key)};
    job.schedules = store::list_all_schedules(db, deployment.key);
    if (deployment.release) {
      const auto live = store::find_release(db, *deployment.release);
      if (live && live->content) job.live_content = store::parse_release_content(*live->content);
      if (live && live->lock) job.live_lock = parse_lock(*live->lock);
    }
    job.lock = job.live_lock;
    return job;
  });
}

Result<Job> job_of(Workshop& shop, const store::Release& release, const std::string& commit) {
  const auto deployment = shop.dependencies.database.read(
      [&](db::Session& db) { return store::find_deployment(db, release.deployment); });
  if (!deployment) {
    return Error{Error::Kind::not_found, "The deployment of the release is gone.", ""};
  }
  return make_job(shop, *deployment, commit);
}

git::Repository repository_of(const Workshop& shop, const Job& job) {
  return repository_of(shop.dependencies.home, shop.options, job.project, job.source.secrets);
}

Result<std::string> fetch(const Workshop& shop, const Job& job) {
  const auto start = std::chrono::steady_clock::now();
  // Checked when they were given; the operator may have changed what is allowed since.
  const auto url = git::check_url(job.project.repository, shop.options.allow_local_repositories);
  if (!url) return url.error();
  const auto revision = git::check_revision(job.revision);
  if (!revision) return revision.error();
  auto commit = repository_of(shop, job).fetch(*revision, job.stop);
  if (commit) {
    job.tell(fmt::format("fetched {} of {}: commit {} ({})", *revision,
                         git::without_credentials(*url), *commit, seconds_since(start)));
  }
  return commit;
}

}  // namespace cupola::deploy
