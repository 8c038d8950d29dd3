#include "process/control_group.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <optional>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/text.h"
#include "process/kernel_file.h"

namespace cupola::process {
namespace {

namespace fs = std::filesystem;

constexpr int removal_tries = 100;
constexpr std::int64_t cpu_period = 100'000;  ///< microseconds

struct Mount {
  fs::path root;   ///< which group is seen there
  fs::path point;  ///< where
};

bool has_word(std::string_view list, char separator, std::string_view word) {
  for (const auto part : split(list, separator)) {
    if (trim(part) == word) return true;
  }
  return false;
}

/// Lines of proc(5)'s mountinfo: id parent dev root point options [fields] - type source options.
std::optional<Mount> find_mount(std::string_view type, std::string_view controller) {
  const std::string info = text_of("/proc/self/mountinfo");
  for (const auto line : split(info, '\n')) {
    const auto fields = split(line, ' ');
    std::size_t dash = 6;
    while (dash < fields.size() && fields[dash] != "-") ++dash;
    if (dash + 3 >= fields.size() || fields[dash + 1] != type) continue;
    if (!controller.empty() && !has_word(fields[dash + 3], ',', controller)) continue;
    return Mount{.root = fields[3], .point = fields[4]};
  }
  return std::nullopt;
}

/// The folder of the group that this process is in; lines of /proc/self/cgroup:
/// id:controllers:path.
fs::path own_group(const Mount& mount, std::string_view controller) {
  const std::string groups = text_of("/proc/self/cgroup");
  for (const auto line : split(groups, '\n')) {
    const auto fields = split(line, ':');
    if (fields.size() < 3) continue;
    const bool is_it =
        controller.empty() ? fields[1].empty() : has_word(fields[1], ',', controller);
    if (!is_it) continue;
    const fs::path below = fs::path(fields[2]).lexically_relative(mount.root);
    if (below.empty() || below == "." || *below.begin() == "..") return mount.point;
    return mount.point / below;
  }
  return mount.point;
}

Result<void> write_text(const fs::path& file, std::string_view text) {
  const Fd fd(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
  if (fd && ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size())) {
    return {};
  }
  return Error{Error::Kind::unavailable,
               fmt::format("cannot write {}: {}", file.string(), system_text(errno))};
}

Result<void> make_group(const fs::path& folder) {
  if (::mkdir(folder.c_str(), 0755) == 0 || errno == EEXIST) return {};
  return Error{Error::Kind::unavailable,
               fmt::format("cannot make {}: {}", folder.string(), system_text(errno))};
}

/// Makes `parent` too, which another supervisor may be removing with the last group in it.
template <typename Prepare>
Result<void> make_group_in(const fs::path& parent, std::string_view name, Prepare prepare) {
  Result<void> made;
  for (int tries = 0; tries < 20; ++tries) {
    made = make_group(parent);
    if (made) made = prepare(parent);
    if (made) made = make_group(parent / name);
    if (made || fs::exists(parent)) return made;
  }
  return made;
}

std::int64_t number_in(const fs::path& file) {
  const std::string text = text_of(file);
  std::int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

/// The number after `key` in a file of lines "key number".
std::int64_t number_of(const fs::path& file, std::string_view key) {
  const std::string text = text_of(file);
  for (const auto line : split(text, '\n')) {
    const auto words = split(line, ' ');
    if (words.size() != 2 || words[0] != key) continue;
    std::int64_t number = 0;
    std::from_chars(words[1].data(), words[1].data() + words[1].size(), number);
    return number;
  }
  return 0;
}

/// Lets groups below `folder` have these limits. Refused where processes are in it.
Result<void> delegate(const fs::path& folder, const GroupLimits& limits) {
  const std::string there = text_of(folder / "cgroup.controllers");
  std::string wanted;
  const auto want = [&](bool is_wanted, const char* controller) -> Result<void> {
    if (!is_wanted) return {};
    if (!has_word(trim(there), ' ', controller)) {
      return Error{Error::Kind::unavailable,
                   fmt::format("{} has no {} controller", folder.string(), controller)};
    }
    wanted += fmt::format("{}+{}", wanted.empty() ? "" : " ", controller);
    return {};
  };
  auto done = want(limits.memory > 0, "memory");
  if (done) done = want(limits.processes > 0, "pids");
  if (done) done = want(limits.cpu > 0, "cpu");
  if (done) done = write_text(folder / "cgroup.subtree_control", wanted);
  return done;
}

std::int64_t quota_of(double cores) {
  return std::max<std::int64_t>(1000, static_cast<std::int64_t>(cores * cpu_period));
}

}  // namespace

Result<ControlGroup> ControlGroup::make(std::string_view name, const GroupLimits& limits) {
  std::string why;
  for (const int version : {2, 1}) {
    ControlGroup group;
    group.version_ = version;
    const auto made =
        version == 2 ? group.make_version_2(name, limits) : group.make_version_1(name, limits);
    if (made) return group;
    why += fmt::format("{}cgroup v{}: {}", why.empty() ? "" : "; ", version, made.error().message);
  }
  return Error{Error::Kind::unavailable, why};
}

Result<void> ControlGroup::make_version_2(std::string_view name, const GroupLimits& limits) {
  const auto mount = find_mount("cgroup2", "");
  if (!mount) return Error{Error::Kind::unavailable, "not mounted"};
  const auto prepare = [&](const fs::path& folder) { return delegate(folder, limits); };
  Result<void> done;
  for (const fs::path& base : {own_group(*mount, ""), mount->point}) {
    const fs::path ours = base / "cupola";
    done = prepare(base);
    if (done) done = make_group_in(ours, name, prepare);
    if (!done) continue;
    const fs::path group = ours / name;
    folders_ = {group};
    if (limits.memory > 0) {
      memory_ = group;
      done = write_text(group / "memory.max", std::to_string(limits.memory));
      // Is there only where swap is accounted for.
      (void)write_text(group / "memory.swap.max", "0");
    }
    if (done && limits.processes > 0) {
      processes_ = group;
      done = write_text(group / "pids.max", std::to_string(limits.processes));
    }
    if (done && limits.cpu > 0) {
      done = write_text(group / "cpu.max", fmt::format("{} {}", quota_of(limits.cpu), cpu_period));
    }
    return done;
  }
  return done;
}

Result<fs::path> ControlGroup::add_version_1(std::string_view name, std::string_view controller) {
  const auto mount = find_mount("cgroup", controller);
  if (!mount) {
    return Error{Error::Kind::unavailable, fmt::format("no {} controller is mounted", controller)};
  }
  const fs::path ours = own_group(*mount, controller) / "cupola";
  const auto nothing = [](const fs::path&) { return Result<void>(); };
  if (auto made = make_group_in(ours, name, nothing); !made) return made.error();
  folders_.push_back(ours / name);
  return folders_.back();
}

Result<void> ControlGroup::make_version_1(std::string_view name, const GroupLimits& limits) {
  if (limits.memory > 0) {
    const auto group = add_version_1(name, "memory");
    if (!group) return group.error();
    memory_ = *group;
    const std::string limit = std::to_string(limits.memory);
    if (auto set = write_text(memory_ / "memory.limit_in_bytes", limit); !set) return set;
    // Is there only where swap is accounted for.
    (void)write_text(memory_ / "memory.memsw.limit_in_bytes", limit);
  }
  if (limits.processes > 0) {
    const auto group = add_version_1(name, "pids");
    if (!group) return group.error();
    processes_ = *group;
    if (auto set = write_text(*group / "pids.max", std::to_string(limits.processes)); !set) {
      return set;
    }
  }
  if (limits.cpu > 0) {
    const auto group = add_version_1(name, "cpu");
    if (!group) return group.error();
    auto set = write_text(*group / "cpu.cfs_period_us", std::to_string(cpu_period));
    if (set) set = write_text(*group / "cpu.cfs_quota_us", std::to_string(quota_of(limits.cpu)));
    if (!set) return set;
  }
  return {};
}

ControlGroup::~ControlGroup() {
  for (const fs::path& folder : folders_) {
    for (int tries = 0; ::rmdir(folder.c_str()) != 0 && errno == EBUSY && tries < removal_tries;
         ++tries) {
      kill_all();
      ::usleep(2000);
    }
    ::rmdir(folder.parent_path().c_str());  // the last one out; refused while others are in it
  }
}

std::vector<fs::path> ControlGroup::process_files() const {
  std::vector<fs::path> files;
  for (const fs::path& folder : folders_) files.push_back(folder / "cgroup.procs");
  return files;
}

ControlGroup::Usage ControlGroup::usage() const {
  Usage usage;
  if (!processes_.empty()) {
    usage.out_of_processes = number_of(processes_ / "pids.events", "max") > 0;
  }
  if (memory_.empty()) return usage;
  const bool is_newer = version_ == 2;
  usage.peak_memory = number_in(memory_ / (is_newer ? "memory.peak" : "memory.max_usage_in_bytes"));
  usage.out_of_memory =
      number_of(memory_ / (is_newer ? "memory.events" : "memory.oom_control"), "oom_kill") > 0;
  return usage;
}

void ControlGroup::kill_all() const {
  if (folders_.empty()) return;
  if (version_ == 2 && write_text(folders_.front() / "cgroup.kill", "1")) return;
  const std::string pids = text_of(folders_.front() / "cgroup.procs");
  for (const auto line : split(pids, '\n')) {
    int pid = 0;
    if (std::from_chars(line.data(), line.data() + line.size(), pid).ec == std::errc{} && pid > 1) {
      ::kill(pid, SIGKILL);
    }
  }
}

}  // namespace cupola::process
