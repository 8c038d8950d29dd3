#pragma once

/// Memory of a run, limited and measured by control groups: version 2 where it has a memory
/// controller, else version 1. Inner to `supervisor`.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/outcome.h"

namespace cupola::supervisor {

/// Groups of our own, below those that this process is in or, in version 2 as root, below the top:
/// never one that somebody else made. Removed with the object; processes in them are killed first.
class ControlGroup {
 public:
  struct Usage {
    std::int64_t peak_memory = 0;  ///< bytes
    bool out_of_memory = false;    ///< the kernel killed a process of the group for its limit
  };

  /// Errors: unavailable, with what was tried and the system's words.
  static Result<ControlGroup> make(std::string_view name, std::int64_t memory_limit);
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
  Result<void> make_version_1(std::string_view name, std::int64_t memory_limit);
  Result<void> make_version_2(std::string_view name, std::int64_t memory_limit);

  int version_ = 0;
  std::filesystem::path memory_;
  std::vector<std::filesystem::path> folders_;  ///< memory_ among them
};

}  // namespace cupola::supervisor
