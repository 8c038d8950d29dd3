#include "git/command.h"

#include <cerrno>
#include <cstdlib>
#include <optional>
#include <string>

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/files.h"
#include "git/ssh_key.h"

namespace cupola::git {
namespace {

constexpr std::string_view settings_text = R"(# Written by cupola: all that git is told.
[core]
	hooksPath = /dev/null
	attributesFile = /dev/null
	excludesFile = /dev/null
	fsmonitor = false
	symlinks = true
	autocrlf = false
	protectHFS = true
	protectNTFS = true
	packedGitLimit = 512m
	bigFileThreshold = 64m
[protocol]
	allow = never
[protocol "https"]
	allow = always
[protocol "ssh"]
	allow = always
[credential]
	helper =
[http]
	followRedirects = false
	lowSpeedLimit = 1
	lowSpeedTime = 60
[transfer]
	credentialsInUrl = die
[submodule]
	recurse = false
[fetch]
	recurseSubmodules = false
	writeCommitGraph = false
[gc]
	auto = 0
[maintenance]
	auto = false
[pack]
	windowMemory = 128m
[safe]
	directory = *
[init]
	defaultBranch = main
[uploadpack]
	allowAnySHA1InWant = true
)";

constexpr std::string_view local_text = R"([protocol "file"]
	allow = always
)";

/// In single quotes for the shell that git starts ssh with.
std::string shell_word(std::string_view text) {
  std::string word = "'";
  for (const char c : text) word += c == '\'' ? "'\\''" : std::string(1, c);
  return word + "'";
}

/// A file in memory that only this user can open, by a path of this process.
struct KeyFile {
  Fd file;
  std::string path;
};
std::optional<KeyFile> key_file(const Call& call) {
  if (call.access == nullptr || call.access->ssh_key.empty()) return std::nullopt;
  Fd file(::memfd_create("ssh-key", MFD_CLOEXEC));
  Secret text = whole_key(call.access->ssh_key);
  const std::string_view bytes = text.reveal();
  if (!file || ::fchmod(file.get(), 0600) != 0 ||
      ::write(file.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) {
    throw Failure("Cannot hold a key for ssh: " + system_text(errno));
  }
  std::string path = fmt::format("/proc/{}/fd/{}", ::getpid(), file.get());
  return KeyFile{std::move(file), std::move(path)};
}

/// With the project's own key alone where it has one.
std::string ssh_command(const std::filesystem::path& home, const std::optional<KeyFile>& key) {
  const auto folder = home / "ssh";
  const auto option = [](std::string_view name, const std::filesystem::path& path) {
    return " -o " + shell_word(fmt::format("{}=\"{}\"", name, path.string()));
  };
  std::string command =
      "ssh -o BatchMode=yes -o StrictHostKeyChecking=accept-new -o ConnectTimeout=30"
      " -o ServerAliveInterval=15 -o ServerAliveCountMax=4 -o ForwardAgent=no"
      " -o PermitLocalCommand=no -o HashKnownHosts=no";
  command += option("UserKnownHostsFile", folder / "known_hosts");
  if (key) return command + " -o IdentitiesOnly=yes" + option("IdentityFile", key->path);
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename();
    if (name.starts_with("id_") && !name.ends_with(".pub")) {
      command += option("IdentityFile", entry.path());
    }
  }
  return command;
}

std::map<std::string, std::string> environment(const Options& options,
                                               const std::filesystem::path& settings,
                                               const Call& call,
                                               const std::optional<KeyFile>& key) {
  auto env = process::helper_environment(options.home);
  env["LC_ALL"] = "C.UTF-8";
  env["GIT_CONFIG_NOSYSTEM"] = "1";
  env["GIT_CONFIG_SYSTEM"] = "/dev/null";
  env["GIT_CONFIG_GLOBAL"] = settings.string();
  env["GIT_ATTR_NOSYSTEM"] = "1";
  env["GIT_TERMINAL_PROMPT"] = "0";
  env["GIT_LFS_SKIP_SMUDGE"] = "1";
  env["GIT_NO_REPLACE_OBJECTS"] = "1";
  env["GIT_OPTIONAL_LOCKS"] = "0";
  env["GIT_SSH_VARIANT"] = "ssh";
  env["GIT_SSH_COMMAND"] = ssh_command(options.home, key);
  if (const char* agent = std::getenv("SSH_AUTH_SOCK"); agent != nullptr && !key)
    env["SSH_AUTH_SOCK"] = agent;
  if (call.access != nullptr && !call.access->password.empty()) {
    // In the environment and not in the address: git starts helpers with the address as argument,
    // which every user of the machine can read.
    const std::string user = call.access->user.empty() ? "x-access-token" : call.access->user;
    env["GIT_CONFIG_COUNT"] = "1";
    env["GIT_CONFIG_KEY_0"] = "http.extraHeader";
    env["GIT_CONFIG_VALUE_0"] =
        "Authorization: Basic " +
        to_base64(fmt::format("{}:{}", user, call.access->password.reveal()));
  }
  for (const auto& [name, value] : call.env) env[name] = value;
  return env;
}

}  // namespace

std::filesystem::path write_settings(const std::filesystem::path& folder, bool allow_local) {
  const auto path = folder / (allow_local ? "gitconfig-local" : "gitconfig");
  std::string text(settings_text);
  if (allow_local) text += local_text;
  const auto present = read_file(path, 64 * 1024);
  if (!present || *present != text) {
    make_folder(folder);
    write_file(path, text);
  }
  return path;
}

Result<process::Output> run(const Options& options, const std::filesystem::path& settings,
                            const Call& call, const std::stop_token& stop) {
  const auto key = key_file(call);
  process::Program program;
  program.env = environment(options, settings, call, key);
  program.folder = call.folder;
  // No file that git writes may outgrow the limit: a pack is one file.
  if (process::find_program("prlimit", program.env.at("PATH"))) {
    program.argv = {"prlimit", fmt::format("--fsize={}", options.most_bytes), "--core=0", "--"};
  }
  program.argv.emplace_back("git");
  program.argv.insert(program.argv.end(), call.args.begin(), call.args.end());

  if (!process::find_program("git", program.env.at("PATH"))) {
    return Error{Error::Kind::unavailable, "git is not installed on this server.",
                 "Install it, on Debian with `apt install git`, and see that it is on the PATH of "
                 "the server."};
  }
  auto output = process::run(program, {.timeout = options.timeout, .output = 1u << 20}, {},
                             call.on_line, stop);
  if (!output) return output;
  if (output->exit.timed_out) {
    return Error{Error::Kind::unavailable,
                 fmt::format("git did not end within {}.", to_text(options.timeout)),
                 "The host is slow or the repository very large; it is safe to try again."};
  }
  return output;
}

}  // namespace cupola::git
