#include "deploy/workshop.h"

#include <chrono>

#include <fmt/format.h>

#include "base/digest.h"
#include "base/text.h"
#include "deploy/checkout.h"
#include "deploy/spent.h"
#include "git/address.h"
#include "secrets/given.h"
#include "store/secret_names.h"
#include "store/secrets.h"

namespace cupola::deploy {
namespace {

constexpr int most_siblings = 1000;

std::vector<std::string> siblings_of(db::Session& db, const store::Deployment& deployment) {
  std::vector<std::string> names;
  for (const auto& other : store::list_deployments(db, deployment.organization, deployment.project,
                                                   "", most_siblings)) {
    if (other.key != deployment.key && other.environment == deployment.environment) {
      names.push_back(other.name);
    }
  }
  return names;
}

/// Digest over the ids that git has for the project's directory and for each path that is watched.
Result<std::string> sources_of(const git::Repository& repository, const std::string& commit,
                               const store::ReleaseContent& content) {
  Sha256 digest;
  std::vector<std::string> paths = {content.directory};
  paths.insert(paths.end(), content.watch.begin(), content.watch.end());
  for (const std::string& path : paths) {
    const auto object = repository.object_at(commit, path);
    if (!object) return object.error();
    digest.add(fmt::format("{}\n{}\n", path, *object));
  }
  return digest.hex();
}

}  // namespace

Job make_job(Workshop& shop, const store::Deployment& deployment, const std::string& revision) {
  std::map<std::string, store::OpenedSecret> secrets;
  Job made = shop.dependencies.database.read([&](db::Session& db) {
    Job job{.deployment = deployment, .revision = revision, .stop = shop.stop.get_token()};
    const auto project = store::find_project(db, deployment.project);
    if (!project) throw Failure("the project of the deployment " + deployment.name + " is gone");
    job.project = *project;
    job.source = {.directory = project->directory.empty() ? "." : project->directory,
                  .organization = deployment.organization,
                  .repository = project->repository};
    secrets = store::open_secrets(db, shop.dependencies.vault, deployment.project, deployment.key);
    job.siblings = siblings_of(db, deployment);
    job.schedules = store::list_all_schedules(db, deployment.key);
    if (deployment.release) {
      const auto live = store::find_release(db, *deployment.release);
      if (live && live->content) job.live_content = store::parse_release_content(*live->content);
      if (live && live->lock) job.live_lock = parse_lock(*live->lock);
      if (live) job.live_number = live->number;
    }
    job.lock = job.live_lock;
    return job;
  });
  auto given = secrets::give(shop.options.secret_sources, std::move(secrets),
                             {{"CUPOLA_DEPLOYMENT_ENVIRONMENT", deployment.environment}},
                             shop.stop.get_token());
  if (!given) throw Failure(to_text(given.error()));
  made.source.secrets = std::move(given->hidden);
  made.source.variables = std::move(given->plain);
  // What is given to runs as a file is of no use here, but git's own key.
  const std::string git_key(store::git_ssh_key_name);
  if (const auto key = given->files.find(git_key); key != given->files.end()) {
    made.source.secrets.emplace(git_key, std::move(key->second));
  }
  return made;
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

Result<Judged> judge(const Workshop& shop, const Job& job) {
  Judged judged =
      inspect_checkout(job.source, job.deployment.environment, shop.options.shortest_interval);
  judged.content.commit = job.commit;
  if (!job.siblings.empty()) {
    judged.findings.push_back(
        {{{},
          fmt::format("The environment {} is deployed as {} too: they share its states, so that "
                      "runs of one wait for those of the other.",
                      cupola::quoted(job.deployment.environment), join(job.siblings, ", ")),
          "Give each an environment of its own, or a `state_id_suffix`, where that is not wanted.",
          false},
         false});
  }
  auto sources = sources_of(repository_of(shop, job), job.commit, judged.content);
  if (!sources) return sources.error();
  judged.content.sources = *std::move(sources);
  return judged;
}

bool is_as_live(const Job& job, const Prepared& prepared) {
  if (!job.live_content) return false;
  store::ReleaseContent content = prepared.content;
  content.commit = job.live_content->commit;
  return store::to_json_text(content) == store::to_json_text(*job.live_content) &&
         to_json_text(prepared.lock) == to_json_text(job.live_lock);
}

}  // namespace cupola::deploy
