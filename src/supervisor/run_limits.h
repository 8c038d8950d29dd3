#pragma once

/// The limits of a run: a control group where one is asked for and to be had, else limits of each
/// process. Inner to `supervisor`.

#include <optional>
#include <string>

#include "process/control_group.h"
#include "process/program.h"
#include "supervisor/spec.h"

namespace cupola::supervisor {

class RunLimits {
 public:
  /// Makes the group.
  explicit RunLimits(const RunSpec& spec);

  /// What is in force, to stand behind what isolates the run; empty without limits.
  const std::string& text() const { return text_; }
  void apply(process::Program& program) const;
  void kill_all() const;
  /// Of the group; nothing where there is none.
  std::optional<process::ControlGroup::Usage> usage() const;
  void remove_group() { group_.reset(); }

 private:
  const RunSpec& spec_;
  std::string text_;
  std::optional<process::ControlGroup> group_;
};

}  // namespace cupola::supervisor
