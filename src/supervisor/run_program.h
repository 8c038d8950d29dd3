#pragma once

/// The run's own program and the sandbox around it: started, told alive, ended, and how it ended.
/// Everything but its output, its log and its limits. Inner to `supervisor`.

#include <optional>
#include <string>
#include <string_view>

#include "base/files.h"
#include "base/outcome.h"
#include "process/program.h"
#include "process/sandbox.h"
#include "supervisor/sandbox_status.h"

namespace cupola::supervisor {

class RunProgram {
 public:
  /// Its standard output and error, without waiting. They end when nothing holds them any more.
  Fd out, err;

  Result<void> start(const process::Program& inside, const process::Sandbox& sandbox,
                     const process::Support& support, const process::PrivateFiles& files);

  /// The descriptors to wait on: readable when what was started ended, or when there is something
  /// for `read_status` and `read_report`; -1 when nothing more will come.
  int ended_fd() const { return child_->pidfd(); }
  int status_fd() const { return status_pipe_.get(); }
  int report_fd() const { return report_pipe_.get(); }
  void read_status();
  void read_report();

  /// It runs: not the sandbox any more that is being made for it.
  bool is_alive() const { return is_alive_; }
  /// The program's number on the host; nothing while it has none, or when it cannot be told.
  std::optional<int> pid() const;
  /// Of what was started, the sandbox or without one the program: not for others to reap.
  int started_pid() const { return child_->pid(); }
  /// What stood on standard error: while it is not alive, that is why it never came to be.
  void heard(std::string_view words);

  /// To the program alone; nothing while there is none.
  void signal(int number) const;
  /// All of it, so that `ended_fd` will tell.
  void kill();
  bool was_killed() const { return was_killed_; }

  /// After `ended_fd` told: kills what is left of the sandbox and reaps it.
  process::Exit reap();
  /// How the program ended, or why it was never there; once all descendants are reaped.
  Result<End> how_it_ended(const process::Exit& exit) const;

 private:
  bool never_started(const process::Exit& exit) const;

  process::SandboxKind kind_ = process::SandboxKind::none;
  std::optional<process::Child> child_;  ///< bwrap, or without a sandbox the program itself
  Fd status_pipe_, report_pipe_;
  SandboxStatus status_;
  LaunchReport report_;
  std::optional<Process> init_, program_;
  std::string early_words_;
  bool is_alive_ = false;
  bool was_killed_ = false;
};

}  // namespace cupola::supervisor
