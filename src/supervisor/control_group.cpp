#include "supervisor/control_group.h"

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
#include "supervisor/kernel_file.h"

namespace cupola::supervisor {
namespace {

namespace fs = std::filesystem;

/// Against fork bombs: far above what a pipeline needs.
constexpr std::string_view most_processes = "4096";
constexpr int removal_tries = 100;

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
Result<void> make_group_in(const fs::path& parent, std::string_view name,
                           Result<void> (*prepare)(const fs::path& parent)) {
  Result<void> made;
  for (int tries = 0; tries < 20; ++tries) {
    made = make_group(parent);
    if (made && prepare != nullptr) made = prepare(parent);
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

/// Lets groups below `folder` have a memory limit. Refused where processes are in it.
Result<void> delegate(const fs::path& folder) {
  if (!has_word(trim(text_of(folder / "cgroup.controllers")), ' ', "memory")) {
    return Error{Error::Kind::unavailable,
                 fmt::format("{} has no memory controller", folder.string())};
  }
  return write_text(folder / "cgroup.subtree_control", "+memory +pids");
}

}  // namespace

Result<ControlGroup> ControlGroup::make(std::string_view name, std::int64_t memory_limit) {
  std::string why;
  for (const int version : {2, 1}) {
    ControlGroup group;
    group.version_ = version;
    const auto made = version == 2 ? group.make_version_2(name, memory_limit)
                                   : group.make_version_1(name, memory_limit);
    if (made) return group;
    why += fmt::format("{}cgroup v{}: {}", why.empty() ? "" : "; ", version, made.error().message);
  }
  return Error{Error::Kind::unavailable, why};
}

Result<void> ControlGroup::make_version_2(std::string_view name, std::int64_t memory_limit) {
  const auto mount = find_mount("cgroup2", "");
  if (!mount) return Error{Error::Kind::unavailable, "not mounted"};
  Result<void> tried;
  for (const fs::path& base : {own_group(*mount, ""), mount->point}) {
    const fs::path ours = base / "cupola";
    tried = delegate(base);
    if (tried) tried = make_group_in(ours, name, delegate);
    if (!tried) continue;
    memory_ = ours / name;
    folders_ = {memory_};
    if (auto set = write_text(memory_ / "memory.max", std::to_string(memory_limit)); !set) {
      return set;
    }
    // Without these the limit holds all the same: no swap to account for, no controller of pids.
    (void)write_text(memory_ / "memory.swap.max", "0");
    (void)write_text(memory_ / "pids.max", most_processes);
    return {};
  }
  return tried;
}

Result<void> ControlGroup::make_version_1(std::string_view name, std::int64_t memory_limit) {
  const auto memory = find_mount("cgroup", "memory");
  if (!memory) return Error{Error::Kind::unavailable, "no memory controller is mounted"};
  const fs::path ours = own_group(*memory, "memory") / "cupola";
  if (auto made = make_group_in(ours, name, nullptr); !made) return made;
  memory_ = ours / name;
  folders_ = {memory_};
  const std::string limit = std::to_string(memory_limit);
  if (auto set = write_text(memory_ / "memory.limit_in_bytes", limit); !set) return set;
  // Is there only where swap is accounted for.
  (void)write_text(memory_ / "memory.memsw.limit_in_bytes", limit);
  if (const auto pids = find_mount("cgroup", "pids")) {
    const fs::path above = own_group(*pids, "pids") / "cupola";
    if (make_group_in(above, name, nullptr)) {
      folders_.push_back(above / name);
      (void)write_text(above / name / "pids.max", most_processes);
    }
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
  if (version_ == 2) {
    return {.peak_memory = number_in(memory_ / "memory.peak"),
            .out_of_memory = number_of(memory_ / "memory.events", "oom_kill") > 0};
  }
  return {.peak_memory = number_in(memory_ / "memory.max_usage_in_bytes"),
          .out_of_memory = number_of(memory_ / "memory.oom_control", "oom_kill") > 0};
}

void ControlGroup::kill_all() const {
  if (version_ == 2 && write_text(memory_ / "cgroup.kill", "1")) return;
  const std::string pids = text_of(memory_ / "cgroup.procs");
  for (const auto line : split(pids, '\n')) {
    int pid = 0;
    if (std::from_chars(line.data(), line.data() + line.size(), pid).ec == std::errc{} && pid > 1) {
      ::kill(pid, SIGKILL);
    }
  }
}

}  // namespace cupola::supervisor
