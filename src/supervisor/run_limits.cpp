#include "supervisor/run_limits.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

namespace cupola::supervisor {
namespace {

using process::ControlGroup;
using process::GroupLimits;

/// Processes alone are no reason for a group, since joining one can cost 10 ms: each user, and each
/// user namespace, has a limit of its own.
GroupLimits group_limits(const RunSpec& spec) {
  if (spec.memory_limit <= 0 && spec.cpu_limit <= 0) return {};
  return {.memory = spec.memory_limit, .processes = spec.process_limit, .cpu = spec.cpu_limit};
}

/// Else what the same user runs besides would be counted.
bool has_user_of_its_own(const RunSpec& spec) {
  if (spec.sandbox.uid) return ::geteuid() == 0;
  return spec.support && process::effective_kind(spec.sandbox, *spec.support) ==
                             process::SandboxKind::user_namespace;
}

std::string mebibytes(std::int64_t bytes) {
  return fmt::format("{} MiB", bytes >> 20);
}

}  // namespace

RunLimits::RunLimits(const RunSpec& spec) : spec_(spec) {
  const std::string name =
      spec.run.empty() ? std::to_string(::getpid()) : std::string(spec.run.text());
  const GroupLimits wanted = group_limits(spec);
  std::string why;
  const auto make = [&](const GroupLimits& limits) {
    auto group = ControlGroup::make(name, limits);
    if (group) {
      group_.emplace(*std::move(group));
    } else {
      why = group.error().message;
    }
  };
  bool has_cpu = wanted.cpu > 0;
  if (wanted.memory > 0 || wanted.cpu > 0) make(wanted);
  if (!group_ && has_cpu && wanted.memory > 0) {
    has_cpu = false;
    make({.memory = wanted.memory, .processes = wanted.processes});
  }
  const std::string by = group_ ? fmt::format("by cgroup v{}", group_->version()) : "";
  if (spec.memory_limit > 0) {
    text_ += fmt::format("; memory limit {} {}", mebibytes(spec.memory_limit),
                         group_ ? by : fmt::format("for each process alone ({})", why));
  }
  if (spec.cpu_limit > 0) {
    text_ += group_ && has_cpu ? fmt::format("; {:g} cores {}", spec.cpu_limit, by)
                               : fmt::format("; no limit of CPU ({})", why);
  }
  if (spec.disk_limit > 0) text_ += fmt::format("; disk limit {}", mebibytes(spec.disk_limit));
}

void RunLimits::apply(process::Program& program) const {
  program.limits.push_back({RLIMIT_CORE, 0});
  if (group_) {
    program.control_groups = group_->process_files();
    return;
  }
  if (spec_.memory_limit > 0) {
    program.limits.push_back({RLIMIT_DATA, static_cast<std::uint64_t>(spec_.memory_limit)});
  }
  if (spec_.process_limit > 0 && has_user_of_its_own(spec_)) {
    program.limits.push_back({RLIMIT_NPROC, static_cast<std::uint64_t>(spec_.process_limit)});
  }
}

void RunLimits::kill_all() const {
  if (group_) group_->kill_all();
}

std::optional<ControlGroup::Usage> RunLimits::usage() const {
  return group_ ? std::optional(group_->usage()) : std::nullopt;
}

}  // namespace cupola::supervisor
