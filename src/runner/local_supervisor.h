#pragma once

/// A supervisor process on this machine.

#include <filesystem>
#include <memory>

#include "base/files.h"
#include "process/program.h"
#include "runner/machine.h"

namespace cupola::runner {

/// Held by its pidfd: a child of this process, or one that was found. A child that has ended is
/// reaped with this object.
class LocalSupervisor : public Supervisor {
 public:
  explicit LocalSupervisor(process::Child child);
  explicit LocalSupervisor(Fd pidfd);
  ~LocalSupervisor() override;
  LocalSupervisor(const LocalSupervisor&) = delete;
  LocalSupervisor& operator=(const LocalSupervisor&) = delete;

  bool has_ended() const override;
  void signal(int number) override;
  int pidfd() const { return child_ ? child_->pidfd() : pidfd_.get(); }

 private:
  std::optional<process::Child> child_;
  Fd pidfd_;
};

/// Looks for the supervisor of the attempt of the run whose folder this is, by the pid and start
/// time that it wrote. Waits up to 3 s for one that was being started when its server died. One of
/// an attempt before, which was told lost, is killed, and what it left is not this one's.
Found find_supervisor(const std::filesystem::path& folder, int attempt);

/// Kills the supervisor of the folder's run, if one lives, and waits up to 5 s for its end.
void end_supervisor(const std::filesystem::path& folder);

}  // namespace cupola::runner
