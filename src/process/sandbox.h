#pragma once

/// What a foreign program may see: bubblewrap, a uid of its own, limits.
///
/// As root: mount, pid, ipc and uts namespaces by bwrap without a user namespace (root in one would
/// still be the host's root), then cupola-launch to `uid` with no capabilities and no new
/// privileges.
/// Otherwise: the same inside a user namespace. Where neither works nothing is isolated, and
/// `Support::text` says so. Inside are the system read-only (/usr and what of /etc is no secret),
/// /proc, /dev and /tmp of its own, and what `binds` and `overlay` name: nothing else.

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "base/outcome.h"
#include "base/secret.h"
#include "process/program.h"

namespace cupola::process {

/// A file or folder of the host seen inside. Its owner matters: `give_to` (process/ownership.h).
struct Bind {
  std::filesystem::path from;  ///< on the host
  std::filesystem::path to;    ///< inside; one at /tmp takes the place of the private tmpfs
  bool writable = false;
  /// Shown as owned by the sandbox's uid, whoever owns it on the host (an id-mapped mount made by
  /// `enter_mounts`; where the kernel has none, it is given to the uid for good).
  bool as_own = false;
};

/// A symbolic link at `at` inside.
struct Link {
  std::filesystem::path target, at;
};

/// `lower` read-only, what is written goes to `upper`, where some files may be laid before; `work`
/// is the kernel's, on the same file system. Both are made when they are missing. Files of the
/// owner of `lower` seem to be owned by Sandbox::uid. Seen at `to`, and also wherever a Bind takes
/// a folder below `lower` to: /project can be a folder of /repository.
struct Overlay {
  std::filesystem::path lower, upper, work, to;
};

struct Sandbox {
  bool wanted = true;           ///< false: the operator switched it off
  std::optional<unsigned> uid;  ///< host uid and gid of the program; only when we are root
  std::optional<Overlay> overlay;
  std::vector<Bind> binds;  ///< besides the read-only system; later ones lie over earlier ones
  std::vector<Link> links;
  std::filesystem::path folder;  ///< working directory inside; empty: "/"
  bool network = true;
  std::string resolv_conf;  ///< in place of the host's /etc/resolv.conf; empty: that one
};

enum class SandboxKind { root, user_namespace, none };
struct Support {
  SandboxKind kind = SandboxKind::none;
  bool overlay = false;  ///< else checkouts are copied
  std::string text;      ///< for the run: "bubblewrap, own uid, overlay" or why there is none
};
/// Tries it out once for each process (some 20 ms) and keeps the answer. The first call says where
/// an overlay is tried: the file system of the server's home; empty: the temporary folder. Any
/// thread.
const Support& sandbox_support(const std::filesystem::path& scratch = {});

/// What `sandbox` gets on this machine: `support.kind`, or none where it is not wanted.
SandboxKind effective_kind(const Sandbox& sandbox, const Support& support);

/// The program that runs another one inside a sandbox, and the files that it must be given. To be
/// started once: the files are read.
struct SandboxedProgram {
  Program program;
  std::vector<Fd> files;
  /// For Streams::also, `further` ones of the caller among them.
  std::vector<int> also(std::vector<int> further = {}) const;
};

/// Descriptors that tell of the start; name them in `also`. -1: not wanted.
struct Reports {
  /// Gets bwrap's JSON objects: {"child-pid": first process of the namespace}, and at the end
  /// {"exit-code": n} when the program could be started at all.
  int status = -1;
  /// Gets what process/launch.h says: closed when the program is there.
  int launch = -1;
};

/// Files that the program alone can read, by the paths where it sees them, with what they hold. In
/// a namespace of its own they lie in memory; without isolation in folders made for them.
using PrivateFiles = std::map<std::string, Secret>;

/// The program that runs `inside` in `sandbox`: its argv and env (exactly, and PWD) as seen inside;
/// its folder is `sandbox.folder`. It has no capabilities, cannot get new privileges, and may not
/// make the system calls that src/process/seccomp_main.cpp lists. Its limits, and variables that
/// steer the dynamic loader (LD_PRELOAD and its like), are set only after the privileges are gone.
/// When the overlay is used, `enter_mounts` comes first. With kind none it is `inside` itself, as
/// `uid` where that is given, in the folder that `host_path` tells. Throws Failure when memory for
/// files is lacking or cupola-launch is missing.
SandboxedProgram sandboxed(const Program& inside, const Sandbox& sandbox, const Support& support,
                           const Reports& reports = {}, const PrivateFiles& files = {});

/// Runs it as `run` of process/program.h does. The time-out and a stop end its whole namespace.
Result<Output> run(const SandboxedProgram& program, const Limits& limits = {},
                   std::string_view input = {},
                   const std::function<void(std::string_view line)>& on_line = {},
                   const std::stop_token& stop = {});

/// Makes the overlay ready, or a copy in its place, in a private mount namespace of the calling
/// process, which must be single-threaded (the supervisor) and is changed by it for good. Gives
/// what was done, for the run: "overlay", "copy: why". Nothing to do without an overlay. Errors:
/// unavailable, with the system's words.
Result<std::string> enter_mounts(const Sandbox& sandbox, const Support& support);

/// Where the path `inside` lies on the host: through binds and overlay (in whose place a copy lies
/// at `upper`). For programs without isolation, which have no constant paths.
std::filesystem::path host_path(const Sandbox& sandbox, const std::filesystem::path& inside);

json::object to_json(const Sandbox& sandbox);
Result<Sandbox> parse_sandbox(const json::object& object);
json::object to_json(const Support& support);
Result<Support> parse_support(const json::object& object);

}  // namespace cupola::process
