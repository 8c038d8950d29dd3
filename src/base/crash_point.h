#pragma once

/// Places where a test ends this program as `kill -9` would, to show that nothing is lost there.
///
/// In builds with crash points (presets debug and tsan) the variable CUPOLA_CRASH_AT=NAME or NAME:N
/// makes the process send itself SIGKILL when it passes NAME for the N-th time, the first unless
/// said; before that it makes the empty file that CUPOLA_CRASH_MARK names. In all others a call is
/// empty and the program holds none of the names. CMake sets CUPOLA_CRASH_POINTS for each source
/// that includes this file, so headers must not.
///
/// tests/test_crash_points.py reads the list below; a name without a test, and one that its test
/// does not reach, are faults.

#include <cstddef>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>

namespace cupola {

/// Each is named after what has just been done there; `…ing`: what is about to be.
inline constexpr std::string_view crash_points[] = {
    // The folder, its key, its database.
    "home.made",
    "home.held",
    "home.named",
    "file.written",
    "key.linked",
    "key.written",
    "key.kept",
    "key.next_written",
    "key.resealing",
    "key.resealed",
    "key.old_kept",
    "key.rotated",
    "migration.locked",
    "migration.applied",
    "migration.committing",
    "migration.committed",
    "write.committing",
    "write.committed",
    "admin.organization_created",
    "admin.user_created",
    "admin.token_created",
    // A fire becomes a queued run.
    "fire.planned",
    "fire.chosen",
    "fire.moved_on",
    "fire.recorded",
    "fire.queued",
    "fire.committed",
    "run.asked",
    "run.queued",
    // A queued run becomes a process.
    "run.locked",
    "run.claiming",
    "run.claimed",
    "run.requeued",
    "run.folder_made",
    "run.states_seeded",
    "run.specified",
    "run.started",
    "run.told_running",
    // While it goes.
    "state.capturing",
    "state.captured",
    "stop.asked",
    "stop.passing_on",
    "stop.passed_on",
    "run.adopted",
    "run.given_back",
    // Its end.
    "run.exit_seen",
    "run.result_read",
    "artifacts.copied",
    "run.ending",
    "run.ended",
    "run.attempt_kept",
    "run.queued_again",
    "log.compressing",
    "log.packed",
    "log.half_renamed",
    "log.compressed",
    "log.plain_removed",
    "run.wiped",
    // The supervisor.
    "supervisor.begun",
    "supervisor.named",
    "supervisor.reserved",
    "supervisor.log_opened",
    "supervisor.mounted",
    "supervisor.program_started",
    "supervisor.alive",
    "supervisor.alive_told",
    "log.masked",
    "log.written",
    "log.indexed",
    "supervisor.stop_taken",
    "supervisor.exit_seen",
    "supervisor.drained",
    "supervisor.log_closed",
    "result.written",
    "result.synced",
    "result.renamed",
    // A deploy.
    "deploy.queued",
    "deploy.claimed",
    "deploy.fetched",
    "checkout.written",
    "checkout.moved",
    "deploy.planned",
    "environment.built",
    "environment.sealed",
    "environment.listed",
    "environment.moved",
    "build.done",
    "build.half_moved",
    "build.moved",
    "deploy.built",
    "deploy.switching",
    "deploy.switched",
    "deploy.told",
    // A backfill.
    "backfill.making",
    "backfill.made",
    "backfill.queueing",
    "backfill.queued",
    "backfill.interval_ended",
    "backfill.ending",
    "backfill.ended",
    // A notification.
    "notify.expanding",
    "notify.claimed",
    "notify.answered",
    "notify.written",
    // Upkeep.
    "upkeep.log_removed",
    "upkeep.logs_forgotten",
    "upkeep.runs_deleted",
    "upkeep.states_trimmed",
    "upkeep.release_removed",
    "upkeep.release_forgotten",
    "upkeep.environment_moved",
    "upkeep.environment_removed",
};

/// One of the names above; another one does not compile.
class CrashPoint {
 public:
  // NOLINTNEXTLINE(google-explicit-constructor)
  consteval CrashPoint(std::string_view name) : index_(0) {
    while (crash_points[index_] != name) {
      if (++index_ == std::size(crash_points)) throw std::logic_error("no crash point of the list");
    }
  }
  template <std::size_t N>
  // NOLINTNEXTLINE(google-explicit-constructor)
  consteval CrashPoint(const char (&name)[N]) : CrashPoint(std::string_view(name, N - 1)) {}

  std::size_t index() const { return index_; }

 private:
  std::size_t index_;
};

#ifdef CUPOLA_CRASH_POINTS
void crash_point(CrashPoint point);
/// What a program that this one starts needs in its environment to have the same crash point.
std::map<std::string, std::string> crash_environment();
#else
inline void crash_point(CrashPoint) {}
inline std::map<std::string, std::string> crash_environment() {
  return {};
}
#endif

}  // namespace cupola
