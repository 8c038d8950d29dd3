#pragma once

/// The run's log as the supervisor needs it: a full disk must cost the log, never the run. Inner to
/// `supervisor`.

#include <chrono>
#include <optional>
#include <string_view>

#include "base/boot_clock.h"
#include "logs/writer.h"
#include "supervisor/spec.h"

namespace cupola::supervisor {

/// Writes what comes; from the first failure on it drops it, says so once on standard error, and
/// `failed` is true.
class RunLog {
 public:
  explicit RunLog(const RunSpec& spec);

  void append(logs::Stream stream, std::string_view bytes);
  void note(std::string_view text);
  /// When what was appended must be flushed; empty: nothing waits.
  std::optional<std::chrono::steady_clock::time_point> flush_due() const { return flush_due_; }
  void flush();
  void close();
  bool failed() const { return failed_; }
  std::uint64_t lines() const { return writer_ ? writer_->lines() : 0; }

 private:
  template <typename Step>
  void attempt(Step step);

  BootClock clock_;
  std::optional<logs::Writer> writer_;
  std::optional<std::chrono::steady_clock::time_point> flush_due_;
  bool failed_ = false;
};

}  // namespace cupola::supervisor
