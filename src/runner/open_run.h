#pragma once

/// A run that this server started or adopted and that has not ended.

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "runner/machine.h"
#include "store/runs.h"

namespace cupola::runner {

/// Touched by one thread at a time: the loop while `busy` is false, else the task in progress; but
/// for `busy`, `ended` and the supervisor's signals, which are the loop's. The map of open runs and
/// the task in progress share it.
struct OpenRun {
  store::Run run;  ///< as claimed or adopted
  store::Lease lease;
  int slot = -1;
  std::unique_ptr<Supervisor> supervisor;  ///< none before its start
  /// When it was claimed or adopted, by the machine's steady clock.
  std::chrono::steady_clock::time_point since;
  bool is_marked_running = false;
  std::optional<std::chrono::steady_clock::time_point> stop_signalled;
  /// How a run ends that no supervisor tells about: it never had one.
  std::optional<store::RunResult> result;
  std::map<std::string, std::size_t> captured;  ///< hash of the last payload by state id
  bool busy = false;
  bool ended = false;  ///< its supervisor is gone; its end is to be written
};

}  // namespace cupola::runner
