#pragma once

/// Limits of a run or a build as a whole, by control groups: version 2 where it has the
/// controllers, else version 1. And what was used, where memory is limited.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/outcome.h"

namespace cupola::process {

/// 0: no limit.
struct GroupLimits {
  std::int64_t memory = 0;     ///< bytes, swap included
  std::int64_t processes = 0;  ///< threads too
  double cpu = 0;              ///< cores: 1.5 is a core and a half
};

/// Groups of our own, below those that this process is in or, in version 2 as root, below the top:
/// never one that somebody else made. Removed with the object; processes in them are killed first.
class ControlGroup {
 public:
  struct Usage {
    std::int64_t peak_memory = 0;   ///< bytes; 0 where memory has no limit
    bool out_of_memory = false;     ///< the kernel killed a process of the group for its limit
    bool out_of_processes = false;  ///< a process or thread was refused for the limit
  };

  /// Errors: unavailable, with what was tried and the system's words.
  static Result<ControlGroup> make(std::string_view name, const GroupLimits& limits);
  ControlGroup(ControlGroup&&) noexcept = default;
  ControlGroup& operator=(ControlGroup&&) = delete;
  ~ControlGroup();

  /// For process::Program::control_groups.
  std::vector<std::filesystem::path> process_files() const;
  int version() const { return version_; }
  Usage usage() const;
  void kill_all() const;

 private:
  ControlGroup() = default;
  Result<void> make_version_1(std::string_view name, const GroupLimits& limits);
  Result<void> make_version_2(std::string_view name, const GroupLimits& limits);
  Result<std::filesystem::path> add_version_1(std::string_view name, std::string_view controller);

  int version_ = 0;
  std::filesystem::path memory_, processes_;    ///< empty where there is no such limit
  std::vector<std::filesystem::path> folders_;  ///< those among them
};

}  // namespace cupola::process
