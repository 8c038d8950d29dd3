#pragma once

/// What bubblewrap and cupola-launch say about the sandbox, and the program in it. Inner to
/// `supervisor`.

#include <optional>
#include <string>
#include <string_view>

#include "base/files.h"

namespace cupola::supervisor {

/// Collects the JSON objects, one a line, that bwrap writes.
class SandboxStatus {
 public:
  void feed(std::string_view bytes);
  /// The first process of the namespace, on the host: its end is the end of all in it.
  std::optional<int> init_pid() const { return init_pid_; }
  /// Told only when the program could be executed.
  std::optional<int> exit_code() const { return exit_code_; }

 private:
  std::string line_;
  std::optional<int> init_pid_;
  std::optional<int> exit_code_;
};

/// A process of the host, held so that its number cannot become another's.
struct Process {
  int pid = 0;
  Fd pidfd;
};
std::optional<Process> hold_process(int pid);

/// The run's own program below the namespace's first process: nothing while it does not exist.
std::optional<Process> find_program_below(int init_pid);

/// What cupola-launch told on its report (process/launch.h).
class LaunchReport {
 public:
  void feed(std::string_view bytes);
  /// The launcher was reached: bubblewrap made the sandbox.
  bool was_reached() const { return !text_.empty(); }
  /// Why the program could not be started; empty when nothing was in its way.
  std::string_view error() const;

 private:
  std::string text_;
};

/// How a held process ended, once it was reaped by whoever is its parent; nothing where the kernel
/// (before 6.15) does not tell.
struct End {
  std::optional<int> code;
  std::optional<int> signal;
};
std::optional<End> end_of(const Process& process);

/// The same, guessed from the exit code 128 + n of a shell or of bwrap.
End end_from_code(int code);

}  // namespace cupola::supervisor
