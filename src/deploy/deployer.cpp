#include "deploy/deployer.h"

#include <chrono>
#include <random>

#include <fmt/format.h>

#include "base/crash_point.h"
#include "base/log.h"
#include "deploy/build_box.h"
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

Result<void> Deployer::build(Job& job) {
  const Progress progress = [&job](std::string_view line) { job.tell(line); };
  auto commit = fetch(*shop_, job);
  if (!commit) return commit.error();
  job.commit = *commit;
  crash_point("deploy.fetched");
  const ReleaseKey& key = job.release->key;
  const auto left_out = deploy::ensure_checkout(
      shop_->dependencies.home, repository_of(*shop_, job), key, job.commit, job.stop);
  if (!left_out) return left_out.error();
  if (!left_out->empty()) job.tell("note: " + *left_out);
  job.source.checkout = shop_->dependencies.home.checkout(key);

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

  auto prepared = prepare(shop_->environments, job.source, std::move(judged), job.lock,
                          job.live_lock, job.release->refresh_plugins, false, progress, job.stop);
  if (!prepared) return prepared.error();
  job.prepared = std::move(*prepared);
  Plan plan{
      .commit = job.commit,
      .schedules = compare_schedules(job.schedules, job.live_content ? &*job.live_content : nullptr,
                                     job.prepared.content),
      .plugins = job.prepared.plugins};
  for (const auto& line : to_lines(plan)) job.tell(line);
  job.release->plan = json::serialize(to_json(plan));
  if (!is_isolated(shop_->options)) {
    job.tell("note: environments are built without a sandbox: " + process::sandbox_support().text);
  }
  crash_point("deploy.planned");
  return build_missing(shop_->environments, job.source, job.prepared, progress, job.stop);
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

std::optional<std::chrono::milliseconds> Deployer::step() {
  if (shop_->stop.stop_requested()) return std::nullopt;
  const bool waits = shop_->dependencies.database.read([&](db::Session& db) {
    return store::has_claimable_release(db, shop_->options.worker, shop_->dependencies.clock.now());
  });
  if (!waits) return look_again;
  const auto release = shop_->dependencies.database.write([&](db::Session& db) {
    return store::claim_release(db, shop_->options.worker, shop_->dependencies.clock.now(),
                                shop_->options.lease);
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
  const std::stop_callback with_server(shop_->stop.get_token(), end);
  const std::stop_callback with_lease(lost.get_token(), end);
  try {
    make_folder(shop_->dependencies.home.release(release->key), 0700);
    make_folder(shop_->dependencies.home.logs(), 0700);
    log.emplace(shop_->dependencies.home.deploy_log(release->key), shop_->dependencies.clock);
    const LeaseKeeper keeper(*shop_, release->key, lost);
    const auto deployment = shop_->dependencies.database.read(
        [&](db::Session& db) { return store::find_deployment(db, release->deployment); });
    if (!deployment) throw Failure("the deployment of the release is gone");
    // A release that comes with a commit is a way back to it, with the lock of then.
    job = make_job(*shop_, *deployment, release->commit.value_or(deployment->revision));
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

  if (!result && shop_->stop.stop_requested()) {
    shop_->dependencies.database.write([&](db::Session& db) {
      store::renew_release_lease(db, release->key, shop_->options.worker,
                                 shop_->dependencies.clock.now() - 1ms);
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
    shop_->dependencies.database.write([&](db::Session& db) {
      store::fail_release(db, release->key, shop_->options.worker,
                          job.commit.empty() ? std::nullopt : std::optional(job.commit), reason,
                          shop_->dependencies.clock.now());
    });
  }
  if (log && result) log->sync();
  crash_point("deploy.told");
  if (on_end_) {
    const auto ended = shop_->dependencies.database.read(
        [&](db::Session& db) { return store::find_release(db, release->key); });
    if (ended) on_end_(*ended);
  }
  return 0ms;
}

Result<Plan> Deployer::plan_update(const store::Deployment& deployment, bool refresh) {
  return deploy::plan_update(*shop_, deployment, refresh);
}

Result<void> Deployer::ensure_checkout(const store::Release& release) {
  return deploy::ensure_checkout(*shop_, release);
}

Result<void> Deployer::ensure_files(const store::Release& release) {
  return deploy::ensure_files(*shop_, release);
}

}  // namespace cupola::deploy
