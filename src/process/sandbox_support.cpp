#include <cstdlib>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "process/launch_command.h"
#include "process/sandbox.h"

namespace cupola::process {
namespace {

namespace fs = std::filesystem;

constexpr unsigned nobody = 65534;
const Limits probe_limits{.timeout = std::chrono::seconds(10), .output = 4096};

/// A folder for the trial that goes when it is over.
class ScratchFolder {
 public:
  explicit ScratchFolder(const fs::path& parent) {
    std::error_code error;
    const fs::path folder = parent.empty() ? fs::temp_directory_path(error) : parent;
    std::string name = (folder / "cupola-trial-XXXXXX").string();
    if (!error && ::mkdtemp(name.data()) != nullptr) path_ = name;
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ~ScratchFolder() {
    if (!path_.empty()) remove_tree(path_);
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

/// The first line that a helper said, or what else went wrong.
std::string reason(const Result<Output>& output) {
  if (!output) return output.error().message;
  if (output->exit.timed_out) return "no answer within 10 s";
  const std::string_view line = trim(split(trim(output->err), '\n').front());
  if (!line.empty()) return printable(line);
  return fmt::format("exit code {}", output->exit.code);
}

Result<void> try_sandbox(SandboxKind kind, const fs::path& parent) {
  const ScratchFolder scratch(parent);
  if (scratch.path().empty()) {
    return Error{Error::Kind::unavailable, "no temporary folder can be made"};
  }
  Sandbox sandbox;
  if (kind == SandboxKind::root) sandbox.uid = nobody;
  sandbox.binds = {{.from = scratch.path(), .to = "/trial/folder", .writable = true}};
  const Program inside{.argv = {"/bin/true"}, .env = {{"PATH", "/usr/bin:/bin"}}};
  const SandboxedProgram trial = sandboxed(inside, sandbox, {.kind = kind});
  const auto output = run(trial, probe_limits);
  if (output && output->exit.ok()) return {};
  return Error{Error::Kind::unavailable, reason(output)};
}

Result<void> try_overlay(SandboxKind kind, const fs::path& parent) {
  const ScratchFolder scratch(parent);
  for (const char* name : {"lower", "upper", "work"}) {
    if (scratch.path().empty() || ::mkdir((scratch.path() / name).c_str(), 0755) != 0) {
      return Error{Error::Kind::unavailable, "no temporary folder can be made"};
    }
  }
  const bool user = kind == SandboxKind::user_namespace;
  Program program{.argv = {"unshare", "--mount"},
                  .env = {{"PATH", "/usr/sbin:/usr/bin:/sbin:/bin"}}};
  if (user) program.argv.emplace_back("--map-root-user");
  for (const char* word : {"mount", "-t", "overlay", "overlay", "-o"}) {
    program.argv.emplace_back(word);
  }
  program.argv.push_back(std::string("lowerdir=lower,upperdir=upper,workdir=work") +
                         (user ? ",userxattr" : ""));
  program.argv.emplace_back("lower");
  program.folder = scratch.path();
  const auto output = run(program, probe_limits);
  if (output && output->exit.ok()) return {};
  return Error{Error::Kind::unavailable, reason(output)};
}

Support try_out(const fs::path& parent) {
  const SandboxKind kind = ::geteuid() == 0 ? SandboxKind::root : SandboxKind::user_namespace;
  if (!find_program("bwrap", "/usr/bin:/bin:/usr/local/bin:/usr/sbin:/sbin")) {
    return {.text = "no isolation: bubblewrap (bwrap) is not installed"};
  }
  if (const auto launcher = open_launcher(); !launcher) {
    return {.text = "no isolation: " + to_text(launcher.error())};
  }
  if (const auto tried = try_sandbox(kind, parent); !tried) {
    return {.text = "no isolation: bubblewrap does not work here: " + tried.error().message};
  }
  Support support{.kind = kind, .overlay = true};
  support.text = kind == SandboxKind::root ? "bubblewrap, own uid" : "bubblewrap, user namespace";
  if (const auto tried = try_overlay(kind, parent); !tried) {
    support.overlay = false;
    support.text += " (no overlay: " + tried.error().message + ")";
  }
  return support;
}

}  // namespace

const Support& sandbox_support(const fs::path& scratch) {
  static const Support support = try_out(scratch);
  return support;
}

}  // namespace cupola::process
