#pragma once

/// Whether the server of a run still gives a sign. Inner to `supervisor`.

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

namespace cupola::supervisor {

/// The server rewrites a file each second; this looks at it as often. Looks are counted, not
/// seconds: what is stopped together with the server, or alone, finds out nothing by that.
class ServerWatch {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// Watches nothing without a file or a span.
  ServerWatch(std::filesystem::path file, std::chrono::milliseconds longest_silence);

  /// When to look next; nothing when there is nothing to look at.
  std::optional<Time> due() const { return due_; }
  /// Looks. True when it gave no sign in all looks of the span.
  bool is_silent(Time now);

 private:
  std::filesystem::path file_;
  int most_looks_ = 0;
  int unchanged_ = 0;
  std::string last_;
  std::optional<Time> due_;
};

}  // namespace cupola::supervisor
