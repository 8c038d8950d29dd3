#pragma once

/// Runs that are followed: all who follow one run look through one open log. Private.

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "api/context.h"
#include "base/id.h"
#include "logs/reader.h"

namespace cupola::api {

/// What a stream says at a time: little, so that many followers that come at once take turns.
inline constexpr std::size_t step_lines = 200;
inline constexpr std::size_t step_bytes = 64u << 10;

/// One run, looked at by any number of followers on any threads. Looks at the log at most ten times
/// a second and at the database at most twice, however many ask.
class RunWatch {
 public:
  RunWatch(const Context& context, OrganizationKey organization, RunId run)
      : context_(context), organization_(std::move(organization)), run_(std::move(run)) {}

  struct Sight {
    std::uint64_t lines = 0;
    bool finished = false;  ///< the run is over, and all its lines are counted
    std::string run;        ///< as JSON, once it is finished
  };
  Sight look();
  /// The next lines for a stream: `step_lines` at most.
  std::vector<logs::Line> read(std::uint64_t from);

 private:
  void refresh(std::chrono::steady_clock::time_point now);

  const Context& context_;
  const OrganizationKey organization_;
  const RunId run_;
  std::mutex mutex_;
  std::optional<logs::Reader> reader_;
  Sight sight_;
  std::chrono::steady_clock::time_point log_seen_{};
  std::chrono::steady_clock::time_point row_seen_{};
};

/// Finds the watch that others hold already. Safe from any thread.
class RunWatches {
 public:
  explicit RunWatches(const Context& context) : context_(context) {}

  /// Shared by the streams of those who follow the run; gone with the last of them.
  std::shared_ptr<RunWatch> of(const OrganizationKey& organization, const RunId& run);

 private:
  const Context& context_;
  std::mutex mutex_;
  std::map<RunId, std::weak_ptr<RunWatch>> watches_;
};

}  // namespace cupola::api
