#pragma once

/// What a foreign program may see: bubblewrap, a uid of its own, limits.
///
/// As root: mount, pid, ipc and uts namespaces by bwrap without a user namespace, then setpriv to
/// `uid` with no capabilities and no new privileges; an overlay is mounted before, in a private
/// mount namespace. Otherwise: the same inside a user namespace. Where neither works nothing is
/// isolated, and `Support::text` says so.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/outcome.h"

namespace cupola::process {

struct Bind {
  std::filesystem::path from;  ///< on the host
  std::filesystem::path to;    ///< inside
  bool writable = false;
};

/// `lower` read-only, what is written goes to `upper`; `work` is the kernel's. Seen at `to`.
struct Overlay {
  std::filesystem::path lower, upper, work, to;
};

struct Sandbox {
  bool wanted = true;           ///< false: the operator switched it off
  std::optional<unsigned> uid;  ///< host uid and gid of the program; only when we are root
  std::optional<Overlay> overlay;
  std::vector<Bind> binds;       ///< besides the read-only system
  std::filesystem::path folder;  ///< working directory inside
  bool network = true;
};

enum class SandboxKind { root, user_namespace, none };
struct Support {
  SandboxKind kind = SandboxKind::none;
  bool overlay = false;  ///< else checkouts are copied
  std::string text;      ///< for the run: "bubblewrap, own uid, overlay" or why there is none
};
/// Tries it out once for each process (some 20 ms) and keeps the answer. Any thread.
const Support& sandbox_support();

/// The argv that runs `command` inside `sandbox` with the kind of `support`; `info_fd`, when not
/// -1, gets bwrap's JSON with "child-pid". With kind none it is `command` itself.
std::vector<std::string> sandbox_command(const Sandbox& sandbox, const Support& support,
                                         const std::vector<std::string>& command, int info_fd = -1);

/// Mounts the overlay in a private mount namespace of the calling process, which must be
/// single-threaded (the supervisor). Errors: unavailable, with the system's words.
Result<void> enter_mounts(const Sandbox& sandbox, const Support& support);

json::object to_json(const Sandbox& sandbox);
Result<Sandbox> parse_sandbox(const json::object& object);

}  // namespace cupola::process
