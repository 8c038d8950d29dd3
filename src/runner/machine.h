#pragma once

/// What the control of runs needs of the machine that it is on: processes, files, a disk, and a
/// clock that nobody sets. `LocalMachine` is the real one; the simulation has another.

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/id.h"
#include "base/outcome.h"
#include "runner/command.h"
#include "secrets/given.h"
#include "store/artifacts.h"
#include "store/deployments.h"
#include "store/organizations.h"
#include "store/release_content.h"
#include "store/runs.h"
#include "supervisor/spec.h"

namespace cupola::runner {

/// The supervisor of one run, held so that its pid cannot become another process's. Letting go of
/// it leaves the process as it is.
class Supervisor {
 public:
  virtual ~Supervisor() = default;
  virtual bool has_ended() const = 0;
  virtual void signal(int number) = 0;
};

/// All that a run is started with.
struct StartOrder {
  const store::Run& run;
  const store::ReleaseContent& content;
  const Work& work;
  const std::vector<store::CapturedState>& states;  ///< to be given to it
  secrets::Given secrets;
  int slot = -1;
  Instant now;  ///< by the clock that all servers share
  /// By `up_time`: later its program must not start, because its lease may be another's. 0: no
  /// limit.
  std::chrono::milliseconds start_before{0};
  store::Network network;  ///< of its organization
};

/// What is there of an open run of this server that is not held, as after a restart.
struct Found {
  enum class Kind {
    alive,         ///< its supervisor goes on
    ended,         ///< it ended meanwhile; its folder tells how
    never_started  ///< nothing was started, or nothing is left of it, and now nothing can be;
                   ///< attempts before this one do not count
  };
  Kind kind = Kind::never_started;
  std::unique_ptr<Supervisor> supervisor;  ///< where alive
};

/// One run's functions are called by one thread at a time; `watch`, `forget`, `sweep` and `find` by
/// the loop alone. What cannot be done is a Failure, where no Error is named.
class Machine {
 public:
  virtual ~Machine() = default;

  /// Never goes back and is never set.
  virtual std::chrono::steady_clock::time_point steady_now() const = 0;
  /// The same since the machine was started, also while it slept.
  virtual std::chrono::milliseconds up_time() const = 0;
  /// Where runs keep their files, for messages, and the share of that disk that is free, 0 to 1.
  virtual std::string place() const = 0;
  virtual double free_disk() const = 0;

  /// Checkout and environments of the release are here after it; may take minutes.
  virtual Result<void> make_ready(const store::Release& release) = 0;
  /// Makes the folder and starts the supervisor. Errors: the run is to end with that as its cause.
  virtual Result<std::unique_ptr<Supervisor>> start(StartOrder order) = 0;
  /// Looks for the supervisor of the run's attempt; waits a few seconds for one that was just being
  /// started.
  virtual Found find(const store::Run& run) = 0;
  /// The slot whose user owns the run's files, where that can be told.
  virtual std::optional<int> slot_of(const RunId& run) const = 0;

  /// From now on the loop is told when it starts and ends.
  virtual void watch(const RunId& run, Supervisor& supervisor) = 0;
  virtual void forget(const RunId& run) = 0;

  /// What the supervisor told when the program was alive; nothing before.
  virtual std::optional<supervisor::Started> started(const RunId& run) const = 0;
  /// Whether its supervisor has a handler for SIGTERM yet: before, that would be its end.
  virtual bool takes_signals(const RunId& run) const = 0;
  /// How the run ended, once its supervisor is gone; lost when that left no result.
  virtual store::RunResult result(const store::Run& run) const = 0;
  /// The state files as they are now, whole ones only; `trouble` gets a line for each that was
  /// passed over.
  virtual std::vector<store::CapturedState> states(const RunId& run,
                                                   std::vector<std::string>& trouble) = 0;
  /// Copies the files of the attempt that the release asks to keep to where they lie beside its
  /// log, in a folder of the lease token. `settle_artifacts` then removes those of other attempts,
  /// or, where these were not written down, these.
  virtual std::vector<store::Artifact> copy_artifacts(const store::Run& run,
                                                      const store::ReleaseContent& content,
                                                      std::int64_t lease_token) = 0;
  virtual void settle_artifacts(const RunId& run, std::int64_t lease_token, bool are_kept) = 0;
  /// After the end of an attempt: wipes the folder, and compresses the log where the run is final;
  /// else the next attempt adds to it.
  virtual void tidy_up(const RunId& run, bool is_final) = 0;
  /// Kills the supervisors of runs that are not among `open`, and tidies up after them: another
  /// server ended those runs while this one was away, or this one was killed before it had.
  virtual void sweep(const std::set<RunId>& open,
                     const std::function<bool(const RunId&)>& is_final) = 0;
};

}  // namespace cupola::runner
