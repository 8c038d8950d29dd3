#include <algorithm>
#include <array>
#include <cerrno>
#include <initializer_list>
#include <set>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "process/launch_command.h"
#include "process/sandbox.h"

namespace cupola::process {
namespace {

namespace fs = std::filesystem;

/// Where helpers are looked for: never along a run's own PATH.
constexpr std::string_view helper_path = "/usr/bin:/bin:/usr/local/bin:/usr/sbin:/sbin";

/// Small files of /etc that programs need and that hold no secrets; each is copied in.
constexpr std::initializer_list<const char*> copied_files = {
    "/etc/hosts",     "/etc/nsswitch.conf", "/etc/host.conf",       "/etc/gai.conf",
    "/etc/services",  "/etc/protocols",     "/etc/mime.types",      "/etc/timezone",
    "/etc/krb5.conf", "/etc/odbcinst.ini",  "/etc/ssl/openssl.cnf", "/etc/ld.so.cache"};

/// Folders of the same sort, seen in place. Each costs bwrap a tenth of a
/// millisecond.
constexpr std::initializer_list<const char*> seen_files = {
    "/etc/ssl/certs", "/etc/pki/tls/certs", "/etc/pki/ca-trust", "/etc/alternatives"};

std::string helper(std::string_view name) {
  const auto path = find_program(name, helper_path);
  return path ? path->string() : fmt::format("/usr/bin/{}", name);
}

/// Collects bwrap's arguments, and the files that go with them.
class Arguments {
 public:
  Arguments() : words_{helper("bwrap")} {}

  void add(std::initializer_list<std::string> words) {
    words_.insert(words_.end(), words.begin(), words.end());
  }

  /// bwrap makes missing parents with mode 0700, which another user cannot pass.
  void parents_of(const fs::path& inside) {
    fs::path parent;
    for (const auto& part : inside.parent_path()) {
      parent /= part;
      if (parent == "/" || !folders_.insert(parent).second) continue;
      add({"--perms", "0755", "--dir", parent.string()});
    }
  }

  void bind(const fs::path& from, const fs::path& to, bool writable) {
    parents_of(to);
    add({writable ? "--bind" : "--ro-bind", from.string(), to.string()});
  }

  void tmpfs(const fs::path& at) {
    parents_of(at);
    add({"--perms", "1777", "--tmpfs", at.string()});
  }

  void copy(Fd file, const fs::path& to) {
    parents_of(to);
    add({"--perms", "0644", "--file", std::to_string(file.get()), to.string()});
    files_.push_back(std::move(file));
  }

  std::vector<std::string> take_words() { return std::move(words_); }
  std::vector<Fd> take_files() { return std::move(files_); }

 private:
  std::vector<std::string> words_;
  std::vector<Fd> files_;
  std::set<fs::path> folders_;
};

/// As it is on the host: a link stays a link, so that /lib is /usr/lib where it is so there.
void add_in_place(Arguments& arguments, const fs::path& path) {
  std::error_code ignored;
  if (fs::is_symlink(path, ignored)) {
    arguments.parents_of(path);
    arguments.add({"--symlink", fs::read_symlink(path, ignored).string(), path.string()});
  } else if (fs::exists(path, ignored)) {
    arguments.bind(path, path, false);
  }
}

void add_accounts(Arguments& arguments, unsigned uid, const Program& inside) {
  const auto home = inside.env.find("HOME");
  const bool usable = home != inside.env.end() && home->second.starts_with('/') &&
                      home->second.find_first_of(":\n") == std::string::npos;
  std::string passwd = "root:x:0:0:root:/:/usr/sbin/nologin\n";
  std::string group = "root:x:0:\n";
  if (uid != 0 && uid != 65534) {
    passwd += fmt::format("run:x:{0}:{0}:run:{1}:/bin/sh\n", uid, usable ? home->second : "/");
    group += fmt::format("run:x:{}:\n", uid);
  }
  passwd += "nobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n";
  group += "nogroup:x:65534:\n";
  arguments.copy(file_in_memory(passwd), "/etc/passwd");
  arguments.copy(file_in_memory(group), "/etc/group");
}

void add_system(Arguments& arguments, const Sandbox& sandbox) {
  for (const char* path : {"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"}) {
    add_in_place(arguments, path);
  }
  std::error_code ignored;
  for (const char* path : seen_files) {
    if (fs::exists(path, ignored)) arguments.bind(path, path, false);
  }
  const auto copy = [&](const char* path) {
    Fd file(::open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (file) arguments.copy(std::move(file), path);
  };
  for (const char* path : copied_files) copy(path);
  if (sandbox.resolv_conf.empty()) {
    copy("/etc/resolv.conf");
  } else {
    arguments.copy(file_in_memory(sandbox.resolv_conf), "/etc/resolv.conf");
  }
  add_in_place(arguments, "/etc/localtime");
  arguments.copy(file_in_memory("cupola\n"), "/etc/hostname");
  arguments.add({"--proc", "/proc", "--dev", "/dev"});
  arguments.tmpfs("/dev/shm");
  arguments.parents_of("/var/tmp");
  arguments.add({"--symlink", "../tmp", "/var/tmp"});
}

void add_mounts(Arguments& arguments, const Sandbox& sandbox) {
  const auto at_tmp = [](const Bind& bind) { return bind.to == "/tmp"; };
  if (std::none_of(sandbox.binds.begin(), sandbox.binds.end(), at_tmp)) arguments.tmpfs("/tmp");
  if (sandbox.overlay) arguments.bind(sandbox.overlay->lower, sandbox.overlay->to, true);
  for (const Bind& bind : sandbox.binds) arguments.bind(bind.from, bind.to, bind.writable);
  for (const Link& link : sandbox.links) {
    arguments.parents_of(link.at);
    arguments.add({"--symlink", link.target.string(), link.at.string()});
  }
  arguments.add({"--remount-ro", "/"});
  arguments.add({"--chdir", sandbox.folder.empty() ? "/" : sandbox.folder.string()});
}

/// Puts cupola-launch before the program.
void launch(SandboxedProgram& to, const Program& inside, const LaunchOrders& orders) {
  auto launcher = open_launcher();
  if (!launcher) throw Failure(to_text(launcher.error()));
  const auto words = launch_words(*launcher, orders);
  to.program.argv.insert(to.program.argv.end(), words.begin(), words.end());
  to.program.argv.insert(to.program.argv.end(), inside.argv.begin(), inside.argv.end());
  to.program.env = late_environment(inside.env);
  to.program.limits.clear();
  to.files.push_back(*std::move(launcher));
}

/// Their folder goes with the run's.
void write_private(const PrivateFiles& files, std::optional<unsigned> uid) {
  for (const auto& [path, content] : files) {
    const fs::path folder = fs::path(path).parent_path();
    make_folder(folder, 0700);
    write_file(path, content.reveal(), 0400, Lasting::while_up);
    for (const fs::path& owned : {folder, fs::path(path)}) {
      if (uid && ::geteuid() == 0 && ::chown(owned.c_str(), *uid, *uid) != 0) {
        throw Failure("Cannot change the owner of " + owned.string() + ": " + system_text(errno));
      }
    }
  }
}

SandboxedProgram unisolated(const Program& inside, const Sandbox& sandbox, int report) {
  SandboxedProgram result{.program = inside};
  if (!sandbox.folder.empty()) result.program.folder = host_path(sandbox, sandbox.folder);
  if (sandbox.uid && ::geteuid() == 0) {
    result.program.argv.clear();
    launch(result, inside,
           {.uid = sandbox.uid,
            .limits = inside.limits,
            .report = report,
            .dies_with_parent = inside.dies_with_parent});
  }
  return result;
}

}  // namespace

std::vector<int> SandboxedProgram::also(std::vector<int> further) const {
  for (const Fd& file : files) further.push_back(file.get());
  return further;
}

SandboxKind effective_kind(const Sandbox& sandbox, const Support& support) {
  return sandbox.wanted ? support.kind : SandboxKind::none;
}

SandboxedProgram sandboxed(const Program& inside, const Sandbox& sandbox, const Support& support,
                           const Reports& reports, const PrivateFiles& files) {
  const SandboxKind kind = effective_kind(sandbox, support);
  if (kind == SandboxKind::none) {
    write_private(files, sandbox.uid);
    return unisolated(inside, sandbox, reports.launch);
  }

  Arguments arguments;
  if (kind == SandboxKind::user_namespace) arguments.add({"--unshare-user"});
  arguments.add({"--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try",
                 "--hostname", "cupola", "--die-with-parent", "--new-session"});
  if (!sandbox.network) arguments.add({"--unshare-net"});
  if (reports.status >= 0) {
    arguments.add({"--json-status-fd", std::to_string(reports.status)});
  }
  const auto uid = kind == SandboxKind::root ? sandbox.uid : std::nullopt;
  if (!uid) arguments.add({"--cap-drop", "ALL"});
  add_system(arguments, sandbox);
  add_accounts(arguments, uid.value_or(::geteuid()), inside);
  for (const auto& [path, content] : files) arguments.copy(file_in_memory(content.reveal()), path);
  add_mounts(arguments, sandbox);

  SandboxedProgram result{.program = inside};
  result.program.folder = "/";
  result.program.argv = arguments.take_words();
  result.program.argv.emplace_back("--");
  result.files = arguments.take_files();
  launch(result, inside, {.uid = uid, .limits = inside.limits, .report = reports.launch});
  return result;
}

Result<Output> run(const SandboxedProgram& program, const Limits& limits, std::string_view input,
                   const std::function<void(std::string_view line)>& on_line,
                   const std::stop_token& stop) {
  return run(program.program, limits, input, on_line, stop, program.also());
}

fs::path host_path(const Sandbox& sandbox, const fs::path& inside) {
  const auto below = [&](const fs::path& mount) {
    return std::mismatch(mount.begin(), mount.end(), inside.begin(), inside.end()).first ==
           mount.end();
  };
  const auto moved = [&](const fs::path& from, const fs::path& to) {
    const fs::path rest = inside.lexically_relative(to);
    return rest == "." ? from : from / rest;
  };
  for (auto bind = sandbox.binds.rbegin(); bind != sandbox.binds.rend(); ++bind) {
    if (!below(bind->to)) continue;
    const fs::path path = moved(bind->from, bind->to);
    if (!sandbox.overlay) return path;
    const auto& lower = sandbox.overlay->lower;
    const bool merged =
        std::mismatch(lower.begin(), lower.end(), path.begin(), path.end()).first == lower.end();
    if (!merged) return path;
    const fs::path rest = path.lexically_relative(lower);
    return rest == "." ? sandbox.overlay->upper : sandbox.overlay->upper / rest;
  }
  if (sandbox.overlay && below(sandbox.overlay->to)) {
    return moved(sandbox.overlay->upper, sandbox.overlay->to);
  }
  return inside;
}

}  // namespace cupola::process
