#include "runner/lifecycle.h"

#include <algorithm>

#include "base/crash_point.h"
#include "base/log.h"
#include "runner/command.h"
#include "runner/frequency.h"
#include "runner/lease_watch.h"
#include "runner/result.h"
#include "store/leases.h"
#include "store/organizations.h"
#include "store/secrets.h"

namespace cupola::runner {
namespace {

constexpr std::string_view empty_state = R"({"completed": {}, "partial": {}})";

std::vector<store::CapturedState> states_to_give(db::Database& database, const store::Run& run,
                                                 const std::vector<std::string>& state_ids) {
  return database.read([&](db::Session& db) {
    std::vector<store::CapturedState> states;
    for (const std::string& state_id : state_ids) {
      auto state = store::find_state(db, run.organization, run.project, state_id);
      states.push_back({state_id, state ? std::move(state->payload) : std::string(empty_state)});
    }
    return states;
  });
}

/// Only what a run has taken may be given to it.
bool has_taken(const store::Run& run, const std::vector<std::string>& state_ids) {
  return std::all_of(state_ids.begin(), state_ids.end(), [&](const std::string& state_id) {
    return std::find(run.state_ids.begin(), run.state_ids.end(), state_id) != run.state_ids.end();
  });
}

store::RunResult result_for(const Surroundings& with, const OpenRun& open) {
  const auto run =
      with.database.read([&](db::Session& db) { return store::find_run(db, open.run.id); });
  if (!open.result) return with.machine.result(run.value_or(open.run));
  if (!run || !run->stop_requested_at) return *open.result;
  return {.status = store::RunStatus::cancelled, .cause = "stopped before it started"};
}

/// What the release of the run asks to keep of its files.
std::vector<store::Artifact> copy_artifacts(const Surroundings& with, const OpenRun& open) {
  const auto release = with.database.read([&](db::Session& db) {
    return open.run.release ? store::find_release(db, *open.run.release) : std::nullopt;
  });
  if (!release || !release->content) return {};
  return with.machine.copy_artifacts(open.run, store::parse_release_content(*release->content),
                                     open.lease.token);
}

}  // namespace

bool is_final(db::Database& database, const RunId& id) {
  const auto run = database.read([&](db::Session& db) { return store::find_run(db, id); });
  return !run || store::is_final(run->status);
}

Result<Start> start_run(const Surroundings& with, const Options& options, OpenRun& open) {
  const store::Run& run = open.run;
  const auto release = with.database.read([&](db::Session& db) {
    return run.release ? store::find_release(db, *run.release) : std::nullopt;
  });
  if (!release || !release->content) return Error{Error::Kind::not_found, "Its release is gone."};
  const store::ReleaseContent content = store::parse_release_content(*release->content);
  const auto work = work_of(run, content);
  if (!work) return work.error();
  if (!has_taken(run, work->state_ids)) {
    const bool requeued = with.database.write([&](db::Session& db) {
      return store::requeue_run(db, open.lease, work->state_ids,
                                "a deploy changed the state ids that it needs", with.clock.now());
    });
    crash_point("run.requeued");
    if (requeued) return Start::requeued;
    return Error{Error::Kind::conflict, "A deploy changed the state ids that it needs."};
  }
  if (const auto ready = with.machine.make_ready(*release); !ready) return ready.error();

  // A project that keeps its state itself is given none; the ids are held all the same.
  const auto states = content.own_state.empty()
                          ? states_to_give(with.database, run, work->state_ids)
                          : std::vector<store::CapturedState>{};
  auto secrets = secrets::give(
      options.secret_sources, with.database.read([&](db::Session& db) {
        return store::open_secrets(db, with.vault, run.project, run.deployment);
      }),
      {{"CUPOLA_RUN_ID", run.id.text()}, {"CUPOLA_DEPLOYMENT_ENVIRONMENT", content.environment}});
  if (!secrets) return secrets.error();
  const store::Network network =
      with.database.read([&](db::Session& db) { return store::network_of(db, run.organization); });
  std::chrono::milliseconds start_before{0};
  if (options.shared_database) {
    // Whatever holds this server up from here on, others take its runs only later than that.
    start_before = with.machine.up_time() + longest_silence_for(options.lease);
    const bool is_ours = with.database.write(
        [&](db::Session& db) { return store::beat_for(db, options.worker, open.lease); });
    if (!is_ours) return Error{Error::Kind::conflict, "It is no longer this server's."};
  }
  auto supervisor = with.machine.start({.run = run,
                                        .content = content,
                                        .work = *work,
                                        .states = states,
                                        .secrets = *std::move(secrets),
                                        .slot = open.slot,
                                        .now = with.clock.now(),
                                        .start_before = start_before,
                                        .network = network});
  if (!supervisor) return supervisor.error();
  open.supervisor = *std::move(supervisor);
  crash_point("run.started");
  return Start::started;
}

void capture_run(const Surroundings& with, OpenRun& open) {
  std::vector<std::string> trouble;
  std::vector<store::CapturedState> changed;
  std::map<std::string, std::size_t> hashes;
  for (auto& state : with.machine.states(open.run.id, trouble)) {
    const std::size_t hash = std::hash<std::string>{}(state.payload);
    const auto known = open.captured.find(state.state_id);
    if (known != open.captured.end() && known->second == hash) continue;
    hashes.emplace(state.state_id, hash);
    changed.push_back(std::move(state));
  }
  if (changed.empty()) return;
  crash_point("state.capturing");
  with.database.write([&](db::Session& db) {
    store::capture_states(db, open.run.id, open.lease.token, changed, with.clock.now());
  });
  crash_point("state.captured");
  for (const auto& [state_id, hash] : hashes) open.captured[state_id] = hash;
}

void end_run(const Surroundings& with, OpenRun& open) {
  open.supervisor.reset();
  store::RunResult result = result_for(with, open);
  crash_point("run.result_read");
  std::vector<std::string> trouble;
  const auto states = with.machine.states(open.run.id, trouble);
  for (const std::string& line : trouble) log_warning("run {}: {}", open.run.id.text(), line);
  const auto artifacts = copy_artifacts(with, open);
  crash_point("artifacts.copied");
  const Instant now = with.clock.now();
  if (!open.is_marked_running) {
    result.is_frequent =
        with.database.read([&](db::Session& db) { return is_frequent(db, open.run, now); });
  }
  const store::Finish finish = with.database.write([&](db::Session& db) {
    const store::Finish done = store::finish_run(db, open.lease, result, states, now);
    if (done != store::Finish::stale) store::keep_artifacts(db, open.lease, artifacts);
    crash_point("run.ending");
    return done;
  });
  crash_point("run.ended");
  if (finish == store::Finish::queued_again) crash_point("run.queued_again");
  if (finish == store::Finish::stale) {
    log_warning("run {}: it has ended already, or its lease went to another; nothing was written",
                open.run.id.text());
  } else {
    log_info("run {} {}{}{}{}", open.run.id.text(), store::to_text(result.status),
             result.cause ? ": " : "", result.cause.value_or(""),
             finish == store::Finish::queued_again ? "; it is tried again" : "");
  }
  with.machine.settle_artifacts(open.run.id, open.lease.token, finish != store::Finish::stale);
  with.machine.tidy_up(open.run.id, is_final(with.database, open.run.id));
  crash_point("run.wiped");
}

void give_back(const Surroundings& with, const store::Run& run, const store::Lease& lease) {
  log_info("run {}: was claimed but not started; back to the queue", run.id.text());
  const Instant now = with.clock.now();
  with.database.write([&](db::Session& db) {
    if (store::requeue_run(db, lease, run.state_ids, "it was claimed but not started", now)) return;
    store::RunResult result = lost_result("After a restart nothing was left of it.");
    if (run.stop_requested_at && !run.started_at) {
      result = {.status = store::RunStatus::cancelled,
                .cause = "stopped before it started",
                .cancel_code = run.cancel_code.value_or("user")};
    }
    store::finish_run(db, lease, result, {}, now);
  });
  crash_point("run.given_back");
}

}  // namespace cupola::runner
