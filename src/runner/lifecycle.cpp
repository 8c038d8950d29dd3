#include "runner/lifecycle.h"

#include <algorithm>
#include <charconv>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "logs/writer.h"
#include "process/ownership.h"
#include "runner/capture.h"
#include "runner/command.h"
#include "runner/folder.h"
#include "runner/result.h"
#include "store/secrets.h"
#include "supervisor/spec.h"

namespace cupola::runner {
namespace {

constexpr std::size_t largest_result = 1u << 20;
constexpr std::string_view empty_state = R"({"completed": {}, "partial": {}})";

/// An anonymous file that holds the spec, read from its start: secrets touch no disk.
Fd in_memory(std::string_view text) {
  Fd file(::memfd_create("run", MFD_CLOEXEC));
  if (!file) throw Failure("Cannot hold a run's specification: " + system_text(errno));
  for (std::string_view rest = text; !rest.empty();) {
    const ssize_t count = ::write(file.get(), rest.data(), rest.size());
    if (count < 0) throw Failure("Cannot hold a run's specification: " + system_text(errno));
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
  ::lseek(file.get(), 0, SEEK_SET);
  return file;
}

/// Field 22 of /proc/PID/stat: the name before it may hold spaces and parentheses.
std::optional<std::uint64_t> start_time_of(int pid) {
  const auto text = read_file(fmt::format("/proc/{}/stat", pid), 4096);
  if (!text) return std::nullopt;
  const auto end_of_name = text->rfind(')');
  if (end_of_name == std::string::npos || end_of_name + 2 > text->size()) return std::nullopt;
  const auto fields = split(std::string_view(*text).substr(end_of_name + 2), ' ');
  constexpr std::size_t start_field = 22 - 3;  // the first one here is field 3
  if (fields.size() <= start_field) return std::nullopt;
  std::uint64_t ticks = 0;
  const auto field = fields[start_field];
  if (std::from_chars(field.data(), field.data() + field.size(), ticks).ec != std::errc{})
    return std::nullopt;
  return ticks;
}

std::vector<store::CapturedState> states_to_give(const Dependencies& dependencies,
                                                 const store::Run& run,
                                                 const std::vector<std::string>& state_ids) {
  return dependencies.database.read([&](db::Session& db) {
    std::vector<store::CapturedState> states;
    for (const std::string& state_id : state_ids) {
      auto state = store::find_state(db, run.organization, run.project, state_id);
      states.push_back({state_id, state ? std::move(state->payload) : std::string(empty_state)});
    }
    return states;
  });
}

std::string tail_of(const std::filesystem::path& file) {
  const auto text = read_file(file, 64u << 10);
  if (!text) return "";
  const std::string_view line = trim(*text);
  const auto start = line.rfind('\n');
  return printable(line.substr(start == std::string_view::npos ? 0 : start + 1));
}

/// Certificates that the operator keeps elsewhere than in the system's places are shown to the run.
/// Only ever from the server's own settings: a name that a user gave would show any file.
void show_certificates(const std::map<std::string, std::string>& server_env,
                       process::Sandbox& sandbox) {
  for (const char* name :
       {"SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"}) {
    const auto found = server_env.find(name);
    if (found == server_env.end()) continue;
    const std::filesystem::path path = found->second;
    const bool is_seen =
        found->second.starts_with("/etc/ssl/") || found->second.starts_with("/usr/");
    if (path.is_absolute() && !is_seen && std::filesystem::exists(path)) {
      sandbox.binds.push_back({.from = path, .to = path});
    }
  }
}

/// Only what a run has taken may be given to it.
bool has_taken(const store::Run& run, const std::vector<std::string>& state_ids) {
  return std::all_of(state_ids.begin(), state_ids.end(), [&](const std::string& state_id) {
    return std::find(run.state_ids.begin(), run.state_ids.end(), state_id) != run.state_ids.end();
  });
}

store::RunResult result_for(const Dependencies& dependencies, const Options& options,
                            const OpenRun& open) {
  const auto run =
      dependencies.database.read([&](db::Session& db) { return store::find_run(db, open.run.id); });
  if (open.result) {
    if (!run || !run->stop_requested_at) return *open.result;
    return {.status = store::RunStatus::cancelled, .cause = "stopped before it started"};
  }
  const auto text = read_file(supervisor::result_file(open.folder), largest_result);
  const auto outcome =
      text ? supervisor::parse_outcome(*text) : Result<supervisor::Outcome>(text.error());
  if (outcome) return result_of(run.value_or(open.run), *outcome, open.log, options.memory_limit);
  const std::string said = tail_of(open.folder / "supervisor.err");
  return lost_result(said.empty() ? "Its supervisor was killed, and the run with it." : said);
}

void wipe(const OpenRun& open) {
  if (!remove_tree(open.folder))
    log_warning("run {}: its work folder could not be removed whole", open.run.id.text());
}

}  // namespace

Result<Start> start_run(const Dependencies& dependencies, const Options& options, OpenRun& open) {
  const store::Run& run = open.run;
  const auto release = dependencies.database.read([&](db::Session& db) {
    return run.release ? store::find_release(db, *run.release) : std::nullopt;
  });
  if (!release || !release->content) return Error{Error::Kind::not_found, "Its release is gone."};
  const store::ReleaseContent content = store::parse_release_content(*release->content);
  const auto work = work_of(run, content);
  if (!work) return work.error();
  if (!has_taken(run, work->state_ids)) {
    const bool requeued = dependencies.database.write([&](db::Session& db) {
      return store::requeue_run(db, open.lease, work->state_ids,
                                "a deploy changed the state ids that it needs",
                                dependencies.clock.now());
    });
    if (requeued) return Start::requeued;
    return Error{Error::Kind::conflict, "A deploy changed the state ids that it needs."};
  }
  if (const auto files = dependencies.ensure_files(*release); !files) return files.error();

  const process::Support& support = process::sandbox_support(dependencies.home.root());
  process::Support used = support;
  if (!options.sandbox)
    used = {.kind = process::SandboxKind::none, .text = "no sandbox: switched off by the operator"};
  std::optional<unsigned> uid;
  if (used.kind == process::SandboxKind::root)
    uid = options.first_uid + static_cast<unsigned>(open.slot);
  PreparedFolder prepared = prepare_folder(dependencies.home, run, content, used, uid);
  seed_states(prepared.states, states_to_give(dependencies, run, work->state_ids));
  if (uid) {
    if (const auto given = process::give_to(prepared.states, *uid); !given) return given.error();
  }

  auto secrets = dependencies.database.read([&](db::Session& db) {
    return store::open_secrets(db, dependencies.vault, run.project, run.deployment);
  });
  supervisor::RunSpec spec{.run = run.id,
                           .folder = open.folder,
                           .log = open.log,
                           .command = meltano_command(run, content, *work, prepared.layout),
                           .env = run_environment(run, content, *work, prepared.layout),
                           .sandbox = std::move(prepared.sandbox),
                           .support = used,
                           .timeout = run.run_timeout,
                           .grace = options.grace,
                           .memory_limit = options.memory_limit,
                           .log_limit = options.log_limit};
  for (const auto& [name, value] : options.base_env) spec.env.emplace(name, value);
  show_certificates(options.base_env, spec.sandbox);
  // What the server sets and what the schedule or the asker sets wins over a secret of that name.
  for (auto& [name, value] : secrets) {
    if (spec.env.contains(name)) {
      spec.masked.push_back(std::move(value));
    } else {
      spec.secrets.emplace(name, std::move(value));
    }
  }
  if (used.kind == process::SandboxKind::none)
    spec.notes.push_back("This run is not isolated: " + used.text);

  const Fd input = in_memory(supervisor::to_json_text(spec));
  const std::filesystem::path errors = open.folder / "supervisor.err";
  const Fd error_file(::open(errors.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  auto child = process::start(
      {.argv = {options.supervisor.string()},
       .env = {{"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
               {"LANG", "C.UTF-8"}}},
      {.in = input.get(), .out = -1, .err = error_file.get()});
  if (!child) return child.error();
  open.child.emplace(*std::move(child));
  return Start::started;
}

void capture_run(const Dependencies& dependencies, OpenRun& open) {
  std::vector<std::string> trouble;
  std::vector<store::CapturedState> changed;
  std::map<std::string, std::size_t> hashes;
  for (auto& state : read_states(open.states, trouble)) {
    const std::size_t hash = std::hash<std::string>{}(state.payload);
    const auto known = open.captured.find(state.state_id);
    if (known != open.captured.end() && known->second == hash) continue;
    hashes.emplace(state.state_id, hash);
    changed.push_back(std::move(state));
  }
  if (changed.empty()) return;
  dependencies.database.write([&](db::Session& db) {
    store::capture_states(db, open.run.id, open.lease.token, changed, dependencies.clock.now());
  });
  for (const auto& [state_id, hash] : hashes) open.captured[state_id] = hash;
}

void end_run(const Dependencies& dependencies, const Options& options, OpenRun& open) {
  if (open.child) {
    open.child->wait();
    open.child.reset();
  }
  const store::RunResult result = result_for(dependencies, options, open);
  std::vector<std::string> trouble;
  const auto states = read_states(open.states, trouble);
  for (const std::string& line : trouble) log_warning("run {}: {}", open.run.id.text(), line);
  const Instant now = dependencies.clock.now();
  const bool written = dependencies.database.write(
      [&](db::Session& db) { return store::finish_run(db, open.lease, result, states, now); });
  if (written) {
    log_info("run {} {}{}{}", open.run.id.text(), store::to_text(result.status),
             result.cause ? ": " : "", result.cause.value_or(""));
  } else {
    log_warning("run {}: it has ended already, or its lease went to another; nothing was written",
                open.run.id.text());
  }
  try {
    logs::compress(open.log);
  } catch (const std::exception& failure) {
    log_warning("run {}: its log stays uncompressed: {}", open.run.id.text(), failure.what());
  }
  wipe(open);
}

Found find_supervisor(OpenRun& open) {
  std::optional<supervisor::SupervisorProcess> process;
  for (int tries = 0; tries < 30 && !process; ++tries) {
    if (tries > 0) std::this_thread::sleep_for(100ms);
    if (const auto text = read_file(supervisor::supervisor_file(open.folder), 4096); text) {
      if (const auto parsed = supervisor::parse_supervisor_process(*text); parsed)
        process = *parsed;
    } else if (!std::filesystem::exists(open.folder)) {
      return Found::never_started;
    }
  }
  if (!process) {
    // Moved away first: a supervisor that is only now getting here finds no folder and gives up.
    const auto aside = std::filesystem::path(open.folder.string() + ".abandoned");
    std::error_code error;
    std::filesystem::rename(open.folder, aside, error);
    remove_tree(aside);
    return Found::never_started;
  }
  Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, process->pid, 0)));
  if (!pidfd || start_time_of(process->pid) != process->start_time) return Found::ended;
  open.pidfd = std::move(pidfd);
  return Found::alive;
}

}  // namespace cupola::runner
