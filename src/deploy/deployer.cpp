#include "deploy/deployer.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <random>
#include <thread>

#include <fmt/format.h>

#include "base/crash_point.h"
#include "base/log.h"
#include "deploy/build_box.h"
#include "deploy/builder.h"
#include "deploy/checkout.h"
#include "deploy/deploy_log.h"
#include "deploy/work_folder.h"
#include "git/address.h"
#include "process/sandbox.h"
#include "secrets/given.h"
#include "store/secret_names.h"
#include "store/secrets.h"

namespace cupola::deploy {
namespace {

namespace fs = std::filesystem;

/// How often releases are looked for whose builder died, or that another server queued while its
/// word was not heard.
constexpr std::chrono::milliseconds look_again{1s};

/// One of the fifteen whole minutes from -7 to +7, each as likely.
std::chrono::minutes draw_offset() {
  std::random_device device;
  return std::chrono::minutes{std::uniform_int_distribution<int>(-7, 7)(device)};
}

/// Renews the lease of a release while it is built; `lost` is requested when another server has it.
class LeaseKeeper {
 public:
  LeaseKeeper(const Dependencies& dependencies, const Options& options, ReleaseKey release,
              std::stop_source lost)
      : thread_([&dependencies, &options, release = std::move(release), lost = std::move(lost),
                 this](const std::stop_token& token) mutable {
          std::unique_lock lock(mutex_);
          while (!changed_.wait_for(lock, token, options.lease / 3, [] { return false; }) &&
                 !token.stop_requested()) {
            try {
              const bool kept = dependencies.database.write([&](db::Session& db) {
                return store::renew_release_lease(db, release, options.worker,
                                                  dependencies.clock.now() + options.lease);
              });
              if (!kept) lost.request_stop();
            } catch (const Failure& failure) {
              // The build goes on; whether it still holds the lease shows at the switch-over.
              log_warning("deploy: cannot renew the lease of a release: {}", failure.what());
            }
          }
        }) {}

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::jthread thread_;
};

std::string seconds_since(std::chrono::steady_clock::time_point start) {
  const std::chrono::duration<double> span = std::chrono::steady_clock::now() - start;
  return fmt::format("{:.2f} s", span.count());
}

}  // namespace

/// One release on its way, or the dry run of one.
struct Deployer::Job {
  store::Deployment deployment;
  store::Project project;
  std::string revision;
  Source source;
  Lock live_lock;
  std::optional<store::ReleaseContent> live_content;
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

Deployer::Deployer(Dependencies dependencies, Options options,
                   std::function<void(const store::Release&)> on_end)
    : dependencies_(std::move(dependencies)),
      options_(std::move(options)),
      on_end_(std::move(on_end)),
      environments_(dependencies_.home, options_) {
  process::sandbox_support(dependencies_.home.root());
}

Deployer::Job Deployer::make_job(const store::Deployment& deployment, const std::string& revision) {
  std::map<std::string, store::OpenedSecret> secrets;
  Job made = dependencies_.database.read([&](db::Session& db) {
    Job job{.deployment = deployment, .revision = revision, .stop = stop_.get_token()};
    const auto project = store::find_project(db, deployment.project);
    if (!project) throw Failure("the project of the deployment " + deployment.name + " is gone");
    job.project = *project;
    job.source = {.directory = project->directory.empty() ? "." : project->directory,
                  .organization = deployment.organization,
                  .repository = project->repository};
    secrets = store::open_secrets(db, dependencies_.vault, deployment.project, deployment.key);
    job.schedules = store::list_all_schedules(db, deployment.key);
    if (deployment.release) {
      const auto live = store::find_release(db, *deployment.release);
      if (live && live->content) job.live_content = store::parse_release_content(*live->content);
      if (live && live->lock) job.live_lock = parse_lock(*live->lock);
    }
    job.lock = job.live_lock;
    return job;
  });
  auto given =
      secrets::give(options_.secret_sources, std::move(secrets),
                    {{"CUPOLA_DEPLOYMENT_ENVIRONMENT", deployment.environment}}, stop_.get_token());
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

Result<std::string> Deployer::fetch(Job& job) {
  const auto start = std::chrono::steady_clock::now();
  // Checked when they were given; the operator may have changed what is allowed since.
  const auto url = git::check_url(job.project.repository, options_.allow_local_repositories);
  if (!url) return url.error();
  const auto revision = git::check_revision(job.revision);
  if (!revision) return revision.error();
  const auto repository =
      repository_of(dependencies_.home, options_, job.project, job.source.secrets);
  auto commit = repository.fetch(*revision, job.stop);
  if (commit) {
    job.tell(fmt::format("fetched {} of {}: commit {} ({})", *revision,
                         git::without_credentials(*url), *commit, seconds_since(start)));
  }
  return commit;
}

Result<void> Deployer::build(Job& job) {
  const Progress progress = [&job](std::string_view line) { job.tell(line); };
  auto commit = fetch(job);
  if (!commit) return commit.error();
  job.commit = *commit;
  crash_point("deploy.fetched");
  const auto repository =
      repository_of(dependencies_.home, options_, job.project, job.source.secrets);
  const ReleaseKey& key = job.release->key;
  const auto left_out =
      deploy::ensure_checkout(dependencies_.home, repository, key, job.commit, job.stop);
  if (!left_out) return left_out.error();
  if (!left_out->empty()) job.tell("note: " + *left_out);
  job.source.checkout = dependencies_.home.checkout(key);

  Judged judged = inspect_checkout(job.source, job.deployment.environment);
  judged.content.commit = job.commit;
  std::vector<std::string> reasons;
  for (const Finding& finding : judged.findings) {
    job.tell(fmt::format("{}: {}", finding.fatal ? "fault" : "note", to_text(finding.fault)));
    if (finding.fatal) reasons.push_back(to_text(finding.fault));
  }
  if (!reasons.empty()) {
    if (reasons.size() == 1) return Error{Error::Kind::invalid, reasons.front(), ""};
    return Error{
        Error::Kind::invalid,
        fmt::format("The project has {} faults, the first: {}", reasons.size(), reasons.front()),
        "The deploy's log names them all; `cupola inspect` shows them beside the files."};
  }

  auto prepared = prepare(environments_, job.source, std::move(judged), job.lock, job.live_lock,
                          job.release->refresh_plugins, false, progress, job.stop);
  if (!prepared) return prepared.error();
  job.prepared = std::move(*prepared);
  Plan plan{
      .commit = job.commit,
      .schedules = compare_schedules(job.schedules, job.live_content ? &*job.live_content : nullptr,
                                     job.prepared.content),
      .plugins = job.prepared.plugins,
      .own_state = job.prepared.content.own_state};
  for (const auto& line : to_lines(plan)) job.tell(line);
  job.release->plan = json::serialize(to_json(plan));
  if (!is_isolated(options_)) {
    job.tell("note: environments are built without a sandbox: " + process::sandbox_support().text);
  }
  crash_point("deploy.planned");
  return build_missing(environments_, job.source, job.prepared, progress, job.stop);
}

Result<void> Deployer::go_live(Job& job) {
  const Instant now = dependencies_.clock.now();
  std::vector<store::ReleasedSchedule> released;
  for (const auto& schedule : job.prepared.content.schedules) released.push_back(schedule.settings);
  const store::SwitchOver switch_over{.release = job.release->key,
                                      .worker = options_.worker,
                                      .commit = job.commit,
                                      .content = store::to_json_text(job.prepared.content),
                                      .lock = to_json_text(job.prepared.lock),
                                      .plan = job.release->plan.value_or("{}")};
  return dependencies_.database.write([&](db::Session& db) -> Result<void> {
    auto switched = store::switch_over(db, switch_over, now);
    if (switched) store::replace_schedules(db, job.deployment.key, released, draw_offset, now);
    crash_point("deploy.switching");
    return switched;
  });
}

/// After a failure that left open whether the switch-over was kept.
bool Deployer::went_live(const store::Release& release) {
  const auto found = dependencies_.database.read(
      [&](db::Session& db) { return store::find_release(db, release.key); });
  return found && found->live_at.has_value();
}

std::optional<std::chrono::milliseconds> Deployer::step() {
  if (stop_.stop_requested()) return std::nullopt;
  const bool waits = dependencies_.database.read([&](db::Session& db) {
    return store::has_claimable_release(db, options_.worker, dependencies_.clock.now());
  });
  if (!waits) return look_again;
  const auto release = dependencies_.database.write([&](db::Session& db) {
    return store::claim_release(db, options_.worker, dependencies_.clock.now(), options_.lease);
  });
  if (!release) return look_again;
  crash_point("deploy.claimed");

  const auto start = std::chrono::steady_clock::now();
  std::optional<DeployLog> log;
  Job job;
  Result<void> result;
  std::stop_source lost;
  std::stop_source ending;
  const auto end = [&] { ending.request_stop(); };
  const std::stop_callback with_server(stop_.get_token(), end);
  const std::stop_callback with_lease(lost.get_token(), end);
  try {
    make_folder(dependencies_.home.release(release->key), 0700);
    make_folder(dependencies_.home.logs(), 0700);
    log.emplace(dependencies_.home.deploy_log(release->key), dependencies_.clock);
    const LeaseKeeper keeper(dependencies_, options_, release->key, lost);
    const auto deployment = dependencies_.database.read(
        [&](db::Session& db) { return store::find_deployment(db, release->deployment); });
    if (!deployment) throw Failure("the deployment of the release is gone");
    // A release that comes with a commit is a way back to it, with the lock of then.
    job = make_job(*deployment, release->commit.value_or(deployment->revision));
    job.release = release;
    job.stop = ending.get_token();
    if (release->lock) job.lock = parse_lock(*release->lock);
    log->mask(job.source.secrets);
    job.log = &*log;
    log->line("release {} of {}/{}: environment {}, revision {}", release->number, job.project.name,
              deployment->name, deployment->environment, job.revision);
    result = build(job);
    crash_point("deploy.built");
    if (result) {
      result = go_live(job);
      if (!result) lost.request_stop();  // the one thing for which a switch-over is turned down
    }
    crash_point("deploy.switched");
  } catch (const std::exception& failure) {
    // The disk is full, say: this release ends with that reason, and the next may fare better.
    result = Error{Error::Kind::unavailable, failure.what(),
                   "Mend what is named, then deploy again; the live release is as it was."};
    log_error("deploy: {}", failure.what());
  }

  if (!result && stop_.stop_requested()) {
    dependencies_.database.write([&](db::Session& db) {
      store::renew_release_lease(db, release->key, options_.worker,
                                 dependencies_.clock.now() - 1ms);
    });
    if (log) log->line("stopped with the server; it is taken up again");
    return std::nullopt;
  }
  if (lost.stop_requested()) {
    log_warning("deploy: release {} took longer than its lease; another server has it",
                release->number);
    if (log) log->line("this server fell behind: another one took the release over");
    return 0ms;
  }
  if (!result && went_live(*release)) result = {};
  if (result) {
    log->line("live: {} schedules, {} plugin environments, meltano {} ({})",
              job.prepared.content.schedules.size(), job.prepared.content.environments.size(),
              job.prepared.content.meltano_version, seconds_since(start));
  } else {
    const std::string reason = masked(to_text(result.error()), job.source.secrets);
    try {
      if (log) log->line("failed: " + reason);
    } catch (const Failure& failure) {
      // The release itself has the reason too.
      log_warning("deploy: {}", failure.what());
    }
    dependencies_.database.write([&](db::Session& db) {
      store::fail_release(db, release->key, options_.worker,
                          job.commit.empty() ? std::nullopt : std::optional(job.commit), reason,
                          dependencies_.clock.now());
    });
  }
  if (log && result) log->sync();
  crash_point("deploy.told");
  if (on_end_) {
    const auto ended = dependencies_.database.read(
        [&](db::Session& db) { return store::find_release(db, release->key); });
    if (ended) on_end_(*ended);
  }
  return 0ms;
}

Result<Plan> Deployer::plan_update(const store::Deployment& deployment, bool refresh) {
  Job job = make_job(deployment, deployment.revision);
  auto commit = fetch(job);
  if (!commit) return commit.error();
  const WorkFolder work(dependencies_.home);
  job.source.checkout = work.path() / "checkout";
  const auto repository =
      repository_of(dependencies_.home, options_, job.project, job.source.secrets);
  const auto exported = repository.export_tree(*commit, job.source.checkout, stop_.get_token());
  if (!exported) return exported.error();

  Judged judged = inspect_checkout(job.source, deployment.environment);
  judged.content.commit = *commit;
  Plan plan{.commit = *commit, .faults = judged.findings, .own_state = judged.content.own_state};
  plan.schedules = compare_schedules(job.schedules, job.live_content ? &*job.live_content : nullptr,
                                     judged.content);
  if (!judged.is_fit()) return plan;
  auto prepared = prepare(
      environments_, job.source, std::move(judged), job.lock, job.live_lock, refresh, true,
      [](std::string_view) {}, stop_.get_token());
  if (!prepared) return prepared.error();
  plan.plugins = std::move(prepared->plugins);
  return plan;
}

Result<Deployer::Job> Deployer::job_of(const store::Release& release, const std::string& commit) {
  const auto deployment = dependencies_.database.read(
      [&](db::Session& db) { return store::find_deployment(db, release.deployment); });
  if (!deployment) {
    return Error{Error::Kind::not_found, "The deployment of the release is gone.", ""};
  }
  return make_job(*deployment, commit);
}

Result<void> Deployer::ensure_checkout(const store::Release& release) {
  if (fs::exists(dependencies_.home.checkout(release.key))) return {};
  if (!release.commit) {
    return Error{Error::Kind::conflict, fmt::format("Release {} is not complete.", release.number),
                 "Deploy again."};
  }
  auto job = job_of(release, *release.commit);
  if (!job) return job.error();
  if (auto commit = fetch(*job); !commit) return commit.error();
  const auto repository =
      repository_of(dependencies_.home, options_, job->project, job->source.secrets);
  const auto made = deploy::ensure_checkout(dependencies_.home, repository, release.key,
                                            *release.commit, stop_.get_token());
  if (!made) return made.error();
  return {};
}

Result<void> Deployer::ensure_files(const store::Release& release) {
  if (!release.content || !release.lock) {
    return Error{Error::Kind::conflict, fmt::format("Release {} is not complete.", release.number),
                 "Deploy again."};
  }
  const auto content = store::parse_release_content(*release.content);
  std::vector<std::string> keys = {content.meltano_environment};
  for (const auto& environment : content.environments) keys.push_back(environment.key);
  std::vector<std::string> missing;
  for (const auto& key : keys) {
    if (environments_.is_there(key))
      environments_.touch(key);
    else
      missing.push_back(key);
  }
  if (const auto checkout = ensure_checkout(release); !checkout) return checkout;
  if (missing.empty()) return {};

  auto made = job_of(release, content.commit);
  if (!made) return made.error();
  Job& job = *made;
  job.source.checkout = dependencies_.home.checkout(release.key);
  const Lock lock = parse_lock(*release.lock);
  for (const auto& key : missing) {
    const LockEntry* locked = lock.find_key(key);
    Result<void> built = Error{Error::Kind::conflict, "", ""};
    if (locked != nullptr) {
      LockEntry entry = *locked;
      const auto place =
          std::find_if(content.environments.begin(), content.environments.end(),
                       [&](const auto& environment) { return environment.key == key; });
      built = environments_.ensure(
          job.source, entry, place == content.environments.end() ? "" : place->fingerprint,
          [](std::string_view line) { log_info("deploy: {}", line); }, stop_.get_token());
      if (!built) return built;
      if (environments_.is_there(key)) continue;
    }
    return Error{Error::Kind::conflict,
                 fmt::format("The environment {} of release {} cannot be made as it was.",
                             key.substr(0, 12), release.number),
                 "Python or the sandbox of this server changed since: deploy again."};
  }
  return {};
}

}  // namespace cupola::deploy
