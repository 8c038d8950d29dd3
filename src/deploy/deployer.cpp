#include "deploy/deployer.h"

#include <chrono>
#include <random>

#include <fmt/format.h>

#include "base/crash_point.h"
#include "base/files.h"
#include "base/log.h"
#include "deploy/build_box.h"
#include "deploy/build_steps.h"
#include "deploy/checkout.h"
#include "deploy/dry_run.h"
#include "deploy/lease_keeper.h"
#include "deploy/release_files.h"
#include "deploy/spent.h"
#include "deploy/workshop.h"
#include "process/sandbox.h"

namespace cupola::deploy {
namespace {

/// How often releases are looked for whose builder died, or that another server queued while its
/// word was not heard.
constexpr std::chrono::milliseconds look_again{1s};

/// One of the fifteen whole minutes from -7 to +7, each as likely.
std::chrono::minutes draw_offset() {
  std::random_device device;
  return std::chrono::minutes{std::uniform_int_distribution<int>(-7, 7)(device)};
}

Result<void> check_fit(const std::vector<Finding>& findings) {
  std::vector<std::string> reasons;
  for (const Finding& finding : findings) {
    if (finding.fatal) reasons.push_back(to_text(finding.fault));
  }
  if (reasons.empty()) return {};
  if (reasons.size() == 1) return Error{Error::Kind::invalid, reasons.front(), ""};
  return Error{
      Error::Kind::invalid,
      fmt::format("The project has {} faults, the first: {}", reasons.size(), reasons.front()),
      "The deploy's log names them all; `cupola inspect` shows them beside the files."};
}

/// Why a release is no longer this server's.
std::string words_for_loss(db::Database& database, const store::Release& release) {
  const auto now =
      database.read([&](db::Session& db) { return store::find_release(db, release.key); });
  if (now && now->status == store::ReleaseStatus::failed) return now->error.value_or("ended");
  return "this server fell behind: another one took the release over";
}

}  // namespace

Deployer::Deployer(Dependencies dependencies, Options options,
                   std::function<void(const store::Release&)> on_end)
    : shop_(std::make_unique<Workshop>(std::move(dependencies), std::move(options))),
      on_end_(std::move(on_end)) {
  process::sandbox_support(shop_->dependencies.home.root());
}

Deployer::~Deployer() = default;

void Deployer::stop() {
  shop_->stop.request_stop();
}

Result<Deployer::Built> Deployer::build(Job& job) {
  const Progress progress = [&job](std::string_view line) { job.tell(line); };
  auto commit = fetch(*shop_, job);
  if (!commit) return commit.error();
  job.commit = *commit;
  crash_point("deploy.fetched");
  const Home& home = shop_->dependencies.home;
  const ReleaseKey& key = job.release->key;
  const auto left_out =
      deploy::ensure_checkout(home, repository_of(*shop_, job), key, job.commit, job.stop);
  if (!left_out) return left_out.error();
  if (!left_out->empty()) job.tell("note: " + *left_out);
  job.source.checkout = home.checkout(key);

  auto judged = judge(*shop_, job);
  if (!judged) return judged.error();
  const auto findings = judged->findings;
  for (const Finding& finding : findings) {
    job.tell(fmt::format("{}: {}", finding.fatal ? "fault" : "note", to_text(finding.fault)));
  }
  if (auto fit = check_fit(findings); !fit) return fit.error();

  auto prepared = prepare(shop_->environments, job.source, *std::move(judged), job.lock,
                          job.live_lock, job.release->refresh_plugins, false, progress, job.stop);
  if (!prepared) return prepared.error();
  const bool is_asked_for = job.release->forced || job.release->commit;
  if (!is_asked_for && is_as_live(job, *prepared)) return Built::as_live;
  job.prepared = std::move(*prepared);
  Plan plan{
      .commit = job.commit,
      .build = job.prepared.content.build,
      .schedules = compare_schedules(job.schedules, job.live_content ? &*job.live_content : nullptr,
                                     job.prepared.content),
      .overrides = find_overrides(job.schedules, job.prepared.content),
      .plugins = job.prepared.plugins,
      .faults = findings,
      .own_state = job.prepared.content.own_state};
  for (const auto& line : to_lines(plan)) job.tell(line);
  job.release->plan = json::serialize(to_json(plan));
  if (!is_isolated(shop_->options)) {
    job.tell("note: environments are built without a sandbox: " + process::sandbox_support().text);
  }
  crash_point("deploy.planned");
  auto built = build_missing(shop_->environments, job.source, job.prepared, progress, job.stop);
  if (built) built = ensure_built(*shop_, job, job.prepared.content, key, progress);
  if (!built) return built.error();
  return Built::ready;
}

Result<void> Deployer::go_live(Job& job) {
  const Instant now = shop_->dependencies.clock.now();
  std::vector<store::ReleasedSchedule> released;
  for (const auto& schedule : job.prepared.content.schedules) released.push_back(schedule.settings);
  const store::SwitchOver switch_over{.release = job.release->key,
                                      .worker = shop_->options.worker,
                                      .commit = job.commit,
                                      .content = store::to_json_text(job.prepared.content),
                                      .lock = to_json_text(job.prepared.lock),
                                      .plan = job.release->plan.value_or("{}")};
  return shop_->dependencies.database.write([&](db::Session& db) -> Result<void> {
    auto switched = store::switch_over(db, switch_over, now);
    if (switched) store::replace_schedules(db, job.deployment.key, released, draw_offset, now);
    crash_point("deploy.switching");
    return switched;
  });
}

/// After a failure that left open whether the switch-over was kept.
bool Deployer::went_live(const store::Release& release) {
  const auto found = shop_->dependencies.database.read(
      [&](db::Session& db) { return store::find_release(db, release.key); });
  return found && found->live_at.has_value();
}

Result<Deployer::Built> Deployer::work_on(const store::Release& release, Job& job, DeployLog& log,
                                          std::stop_source& lost) {
  const auto deployment = shop_->dependencies.database.read(
      [&](db::Session& db) { return store::find_deployment(db, release.deployment); });
  if (!deployment) throw Failure("the deployment of the release is gone");
  const std::stop_token stop = job.stop;
  // A release that comes with a commit is of that one; a way back comes with the lock of then too.
  job = make_job(*shop_, *deployment, release.commit.value_or(deployment->revision));
  job.release = release;
  job.stop = stop;
  if (release.lock) job.lock = parse_lock(*release.lock);
  log.mask(job.source.secrets);
  job.log = &log;
  log.line("release {} of {}/{}: environment {}, revision {}", release.number, job.project.name,
           deployment->name, deployment->environment, job.revision);
  auto result = build(job);
  crash_point("deploy.built");
  if (result && *result == Built::ready) {
    if (auto switched = go_live(job); !switched) {
      lost.request_stop();  // the one thing for which a switch-over is turned down
      result = switched.error();
    }
  }
  crash_point("deploy.switched");
  return result;
}

void Deployer::give_back(const store::Release& release) {
  const Dependencies& with = shop_->dependencies;
  with.database.write([&](db::Session& db) {
    store::renew_release_lease(db, release.key, shop_->options.worker, with.clock.now() - 1ms);
  });
}

/// Writes down what became of the release, and says it in its log, which may be missing where there
/// is no disk to write it on.
void Deployer::conclude(const store::Release& release, const Job& job, const Result<Built>& result,
                        DeployLog* log, std::string_view spent) {
  const Dependencies& with = shop_->dependencies;
  const std::string& worker = shop_->options.worker;
  if (result && *result == Built::ready) {
    log->line("live: {} schedules, {} plugin environments, meltano {} ({})",
              job.prepared.content.schedules.size(), job.prepared.content.environments.size(),
              job.prepared.content.meltano_version, spent);
    log->sync();
    return;
  }
  if (result) {
    log->line(
        "unchanged: commit {} differs from release {} (commit {}) neither in the project's "
        "directory nor in what is watched, the environment or the plugins' lock; that stays live",
        job.commit, job.live_number, job.live_content->commit);
    log->sync();
    with.database.write([&](db::Session& db) {
      store::end_unchanged_release(db, release.key, worker, job.commit, with.clock.now());
    });
    remove_tree(with.home.release(release.key));
    return;
  }
  const std::string reason = masked(to_text(result.error()), job.source.secrets);
  try {
    if (log != nullptr) log->line("failed: " + reason);
  } catch (const Failure& failure) {
    // The release itself has the reason too.
    log_warning("deploy: {}", failure.what());
  }
  with.database.write([&](db::Session& db) {
    store::fail_release(db, release.key, worker,
                        job.commit.empty() ? std::nullopt : std::optional(job.commit), reason,
                        with.clock.now());
  });
}

std::optional<std::chrono::milliseconds> Deployer::step() {
  const Dependencies& with = shop_->dependencies;
  const Options& options = shop_->options;
  if (shop_->stop.stop_requested()) return std::nullopt;
  const bool waits = with.database.read([&](db::Session& db) {
    return store::has_claimable_release(db, options.worker, with.clock.now());
  });
  if (!waits) return look_again;
  const auto release = with.database.write([&](db::Session& db) {
    return store::claim_release(db, options.worker, with.clock.now(), options.lease);
  });
  if (!release) return look_again;
  crash_point("deploy.claimed");

  const auto start = std::chrono::steady_clock::now();
  std::optional<DeployLog> log;
  std::stop_source lost;
  std::stop_source ending;
  const auto end = [&] { ending.request_stop(); };
  const std::stop_callback with_server(shop_->stop.get_token(), end);
  const std::stop_callback with_lease(lost.get_token(), end);
  Job job{.stop = ending.get_token()};
  Result<Built> result = Built::ready;
  try {
    make_folder(with.home.release(release->key), 0700);
    make_folder(with.home.logs(), 0700);
    log.emplace(with.home.deploy_log(release->key), with.clock);
    const LeaseKeeper keeper(*shop_, release->key, lost);
    result = work_on(*release, job, *log, lost);
  } catch (const std::exception& failure) {
    // The disk is full, say: this release ends with that reason, and the next may fare better.
    result = Error{Error::Kind::unavailable, failure.what(),
                   "Mend what is named, then deploy again; the live release is as it was."};
    log_error("deploy: {}", failure.what());
  }

  if (!result && shop_->stop.stop_requested()) {
    give_back(*release);
    if (log) log->line("stopped with the server; it is taken up again");
    return std::nullopt;
  }
  if (lost.stop_requested()) {
    log_warning("deploy: release {} is no longer this server's", release->number);
    if (log) log->line(words_for_loss(with.database, *release));
    return 0ms;
  }
  if (!result && went_live(*release)) result = Built::ready;
  conclude(*release, job, result, log ? &*log : nullptr, seconds_since(start));
  crash_point("deploy.told");
  if (on_end_) {
    const auto ended =
        with.database.read([&](db::Session& db) { return store::find_release(db, release->key); });
    if (ended) on_end_(*ended);
  }
  return 0ms;
}

Result<Plan> Deployer::plan(const store::Deployment& deployment, bool refresh) {
  return deploy::plan(*shop_, deployment, refresh);
}

Result<void> Deployer::ensure_checkout(const store::Release& release) {
  return deploy::ensure_checkout(*shop_, release);
}

Result<void> Deployer::ensure_files(const store::Release& release) {
  return deploy::ensure_files(*shop_, release);
}

}  // namespace cupola::deploy
