#pragma once

/// A run that this server started or adopted and that has not ended.

#include <atomic>
#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "base/files.h"
#include "process/program.h"
#include "store/runs.h"

namespace cupola::runner {

/// Touched by one thread at a time: the loop while `busy` is false, else the task that set it. The
/// map of open runs and the task in progress share it.
struct OpenRun {
  store::Run run;  ///< as claimed or adopted
  store::Lease lease;
  int slot = -1;
  std::filesystem::path folder;
  std::filesystem::path states;
  std::filesystem::path log;
  std::optional<process::Child> child;  ///< the supervisor, when it is our child
  Fd pidfd;                             ///< of an adopted supervisor
  /// When it was claimed or adopted, by a clock that nobody sets.
  std::chrono::steady_clock::time_point since = std::chrono::steady_clock::now();
  bool is_marked_running = false;
  std::optional<std::chrono::steady_clock::time_point> stop_signalled;
  /// How a run ends that no supervisor tells about: it never had one.
  std::optional<store::RunResult> result;
  std::map<std::string, std::size_t> captured;  ///< hash of the last payload by state id
  std::atomic<bool> busy = false;
  std::atomic<bool> ended = false;  ///< its supervisor is gone; its end is to be written

  int watched_fd() const { return child ? child->pidfd() : pidfd.get(); }
};

}  // namespace cupola::runner
