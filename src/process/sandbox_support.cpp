
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/temp_folder.h"
#include "base/text.h"
#include "process/launch_command.h"
#include "process/sandbox.h"

namespace cupola::process {
namespace {

namespace fs = std::filesystem;

constexpr unsigned nobody = 65534;
const Limits probe_limits{.timeout = std::chrono::seconds(10), .output = 4096};

/// The first line that a helper said, or what else went wrong.
std::string reason(const Result<Output>& output) {
  if (!output) return output.error().message;
  if (output->exit.timed_out) return "no answer within 10 s";
  const std::string_view line = trim(split(trim(output->err), '\n').front());
  if (!line.empty()) return printable(line);
  return fmt::format("exit code {}", output->exit.code);
}

Result<void> try_sandbox(SandboxKind kind, const fs::path& scratch) {
  Sandbox sandbox;
  if (kind == SandboxKind::root) sandbox.uid = nobody;
  sandbox.binds = {{.from = scratch, .to = "/trial/folder", .writable = true}};
  const Program inside{.argv = {"/bin/true"}, .env = {{"PATH", "/usr/bin:/bin"}}};
  const SandboxedProgram trial = sandboxed(inside, sandbox, {.kind = kind});
  const auto output = run(trial, probe_limits);
  if (output && output->exit.ok()) return {};
  return Error{Error::Kind::unavailable, reason(output)};
}

Result<void> try_overlay(SandboxKind kind, const fs::path& scratch) {
  for (const char* name : {"lower", "upper", "work"}) make_folder(scratch / name);
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
  program.folder = scratch;
  const auto output = run(program, probe_limits);
  if (output && output->exit.ok()) return {};
  return Error{Error::Kind::unavailable, reason(output)};
}

/// In a folder of its own. Throws Failure.
Support try_out(const fs::path& scratch) {
  const SandboxKind kind = ::geteuid() == 0 ? SandboxKind::root : SandboxKind::user_namespace;
  if (!find_program("bwrap", "/usr/bin:/bin:/usr/local/bin:/usr/sbin:/sbin")) {
    return {.text = "no isolation: bubblewrap (bwrap) is not installed"};
  }
  if (const auto launcher = open_launcher(); !launcher) {
    return {.text = "no isolation: " + to_text(launcher.error())};
  }
  if (const auto tried = try_sandbox(kind, scratch); !tried) {
    return {.text = "no isolation: bubblewrap does not work here: " + tried.error().message};
  }
  Support support{.kind = kind, .overlay = true};
  support.text = kind == SandboxKind::root ? "bubblewrap, own uid" : "bubblewrap, user namespace";
  if (const auto tried = try_overlay(kind, scratch); !tried) {
    support.overlay = false;
    support.text += " (no overlay: " + tried.error().message + ")";
  }
  return support;
}

}  // namespace

const Support& sandbox_support(const fs::path& scratch) {
  static const Support support = [&]() -> Support {
    try {
      return try_out(TempFolder("cupola-trial", scratch).path());
    } catch (const Failure& failure) {
      return {.text = fmt::format("no isolation: {}", failure.what())};
    }
  }();
  return support;
}

}  // namespace cupola::process
