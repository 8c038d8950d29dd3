#include <algorithm>
#include <cerrno>
#include <csignal>
#include <string>

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process/copy_tree.h"
#include "process/ownership.h"
#include "process/sandbox.h"

namespace cupola::process {
namespace {

namespace fs = std::filesystem;

Error unavailable(std::string_view what, int error) {
  return {Error::Kind::unavailable, fmt::format("{}: {}.", what, system_text(error))};
}

Result<void> write_text(const std::string& path, std::string_view text) {
  const Fd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file || ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    return unavailable("Cannot write " + path, errno);
  }
  return {};
}

Result<void> map_ids(const std::string& process, unsigned inside_uid, unsigned outside_uid,
                     unsigned inside_gid, unsigned outside_gid) {
  const std::string folder = "/proc/" + process;
  auto written = write_text(folder + "/uid_map", fmt::format("{} {} 1", inside_uid, outside_uid));
  if (written) {
    written = write_text(folder + "/gid_map", fmt::format("{} {} 1", inside_gid, outside_gid));
  }
  return written;
}

/// Mounts made from here on are seen by this process and its children alone.
Result<void> enter_namespace(SandboxKind kind) {
  const unsigned uid = ::geteuid();
  const unsigned gid = ::getegid();
  const bool user = kind == SandboxKind::user_namespace;
  if (::unshare(user ? CLONE_NEWUSER | CLONE_NEWNS : CLONE_NEWNS) != 0) {
    return unavailable("Cannot make a private mount namespace", errno);
  }
  if (user) {
    if (auto denied = write_text("/proc/self/setgroups", "deny"); !denied) return denied;
    if (auto mapped = map_ids("self", uid, uid, gid, gid); !mapped) return mapped;
  }
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return unavailable("Cannot make the mounts private", errno);
  }
  return {};
}

/// A user namespace that maps the owner of a tree to another user: for an id-mapped mount.
class IdMapping {
 public:
  IdMapping(const struct ::stat& owner, unsigned uid) {
    child_ = static_cast<pid_t>(
        ::syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, nullptr, nullptr, nullptr, nullptr));
    if (child_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      for (;;) ::pause();
    }
    if (child_ < 0) return;
    const std::string name = std::to_string(child_);
    if (!map_ids(name, owner.st_uid, uid, owner.st_gid, uid)) return;
    fd_ = Fd(::open(("/proc/" + name + "/ns/user").c_str(), O_RDONLY | O_CLOEXEC));
  }
  IdMapping(const IdMapping&) = delete;
  IdMapping& operator=(const IdMapping&) = delete;
  ~IdMapping() {
    if (child_ <= 0) return;
    ::kill(child_, SIGKILL);
    while (::waitpid(child_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  const Fd& fd() const { return fd_; }

 private:
  pid_t child_ = -1;
  Fd fd_;
};

/// Lays an id-mapped view of `tree` over itself: what its owner owns seems to be `uid`'s, so the
/// run may change its copy of the files although the release stays root's.
Result<void> show_as_owned_by(const fs::path& tree, unsigned uid) {
  struct ::stat owner {};
  if (::stat(tree.c_str(), &owner) != 0) return unavailable("Cannot open " + tree.string(), errno);
  if (owner.st_uid == uid) return {};
  const IdMapping mapping(owner, uid);
  if (!mapping.fd()) return unavailable("Cannot make a user namespace for an id map", errno);
  const Fd view(::open_tree(AT_FDCWD, tree.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  struct ::mount_attr attributes {};
  attributes.attr_set = MOUNT_ATTR_IDMAP;
  attributes.userns_fd = static_cast<std::uint64_t>(mapping.fd().get());
  if (!view ||
      ::mount_setattr(view.get(), "", AT_EMPTY_PATH, &attributes, sizeof attributes) != 0) {
    return unavailable("Cannot map the owner of " + tree.string(), errno);
  }
  if (::move_mount(view.get(), "", AT_FDCWD, tree.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0) {
    return unavailable("Cannot mount over " + tree.string(), errno);
  }
  return {};
}

/// A name for the mount options, where commas and colons of the path would be read as separators.
std::string name_of(const Fd& fd) {
  return fmt::format("/proc/self/fd/{}", fd.get());
}

Result<void> mount_overlay(const Overlay& overlay, SandboxKind kind) {
  constexpr int flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  const Fd lower(::open(overlay.lower.c_str(), flags));
  const Fd upper(::open(overlay.upper.c_str(), flags));
  const Fd work(::open(overlay.work.c_str(), flags));
  if (!lower || !upper || !work) return unavailable("Cannot open the overlay's folders", errno);
  const std::string options =
      fmt::format("lowerdir={},upperdir={},workdir={}{}", name_of(lower), name_of(upper),
                  name_of(work), kind == SandboxKind::user_namespace ? ",userxattr" : "");
  if (::mount("overlay", overlay.lower.c_str(), "overlay", MS_NOSUID | MS_NODEV, options.c_str()) !=
      0) {
    return unavailable("Cannot mount an overlay over " + overlay.lower.string(), errno);
  }
  return {};
}

Result<void> try_overlay(const Sandbox& sandbox, SandboxKind kind) {
  if (kind == SandboxKind::root && sandbox.uid) {
    if (auto shown = show_as_owned_by(sandbox.overlay->lower, *sandbox.uid); !shown) return shown;
  }
  return mount_overlay(*sandbox.overlay, kind);
}

Result<void> make_folders(const Sandbox& sandbox) {
  std::error_code error;
  fs::create_directories(sandbox.overlay->work, error);
  if (!error) fs::create_directories(sandbox.overlay->upper, error);
  if (error) return unavailable("Cannot make the overlay's folders", error.value());
  const auto& upper = sandbox.overlay->upper;
  if (sandbox.uid && ::geteuid() == 0 && ::chown(upper.c_str(), *sandbox.uid, *sandbox.uid) != 0) {
    return unavailable("Cannot give " + upper.string() + " to the run", errno);
  }
  return {};
}

/// In the private mount namespace, so that two sandboxes of different uids can share one folder.
Result<void> show_own_binds(const Sandbox& sandbox) {
  for (const Bind& bind : sandbox.binds) {
    if (!bind.as_own || !sandbox.uid || show_as_owned_by(bind.from, *sandbox.uid)) continue;
    if (auto given = give_to(bind.from, *sandbox.uid); !given) return given;
  }
  return {};
}

Result<void> copy_in_place_of_overlay(const Sandbox& sandbox, SandboxKind kind) {
  const Overlay& overlay = *sandbox.overlay;
  const auto uid = ::geteuid() == 0 ? sandbox.uid : std::nullopt;
  if (auto copied = copy_tree(overlay.lower, overlay.upper, uid); !copied) return copied;
  if (kind != SandboxKind::none &&
      ::mount(overlay.upper.c_str(), overlay.lower.c_str(), nullptr, MS_BIND, nullptr) != 0) {
    return unavailable("Cannot mount the copy over " + overlay.lower.string(), errno);
  }
  return {};
}

}  // namespace

Result<std::string> enter_mounts(const Sandbox& sandbox, const Support& support) {
  const SandboxKind kind = effective_kind(sandbox, support);
  const bool own_binds =
      kind == SandboxKind::root && std::any_of(sandbox.binds.begin(), sandbox.binds.end(),
                                               [](const Bind& bind) { return bind.as_own; });
  if (kind != SandboxKind::none && (sandbox.overlay || own_binds)) {
    if (auto entered = enter_namespace(kind); !entered) return entered.error();
  }
  if (own_binds) {
    if (auto shown = show_own_binds(sandbox); !shown) return shown.error();
  }
  if (!sandbox.overlay) return std::string();
  if (auto made = make_folders(sandbox); !made) return made.error();
  std::string why = kind == SandboxKind::none ? "no sandbox" : "no overlay on this machine";
  if (kind != SandboxKind::none && support.overlay) {
    const auto mounted = try_overlay(sandbox, kind);
    if (mounted) return std::string("overlay");
    why = mounted.error().message;
    if (why.ends_with('.')) why.pop_back();
  }
  if (auto copied = copy_in_place_of_overlay(sandbox, kind); !copied) return copied.error();
  return "copy: " + why;
}

}  // namespace cupola::process
