#include "runner/local_machine.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/boot_clock.h"
#include "base/crash_point.h"
#include "base/log.h"
#include "base/text.h"
#include "logs/writer.h"
#include "process/ownership.h"
#include "process/strays.h"
#include "runner/artifacts.h"
#include "runner/capture.h"
#include "runner/folder.h"
#include "runner/lease_watch.h"
#include "runner/local_supervisor.h"
#include "runner/result.h"
#include "store/secret_names.h"

namespace cupola::runner {
namespace {

constexpr std::size_t largest_result = 1u << 20;

/// Of a run whose supervisor was killed. The kernel ends what is in its sandbox, but bubblewrap
/// when it is caught at its own start: its inner process then waits for ever for the outer one.
void end_strays(const RunId& run) {
  const int ended = process::kill_strays("CUPOLA_RUN_ID=" + run.text());
  if (ended > 0)
    log_info("run {}: {} processes that were left behind are ended", run.text(), ended);
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

/// What the server sets and what the schedule or the asker sets wins over a secret of that name.
void give_secrets(secrets::Given given, const Layout& layout, supervisor::RunSpec& spec) {
  for (auto& [name, value] : given.plain) spec.env.emplace(name, std::move(value));
  for (auto* hidden : {&given.hidden, &given.files}) {
    const bool as_file = hidden == &given.files;
    for (auto& [name, value] : *hidden) {
      const bool is_gits = name == store::git_ssh_key_name;
      if (is_gits || spec.env.contains(name)) {
        spec.masked.push_back(std::move(value));
      } else if (as_file) {
        const std::string path = layout.secrets + "/" + name;
        spec.env.emplace(name, path);
        spec.files.emplace(path, std::move(value));
      } else {
        spec.secrets.emplace(name, std::move(value));
      }
    }
  }
}

process::Support support_in_use(const Home& home, const Options& options) {
  if (options.sandbox) return process::sandbox_support(home.root());
  return {.kind = process::SandboxKind::none, .text = "no sandbox: switched off by the operator"};
}

}  // namespace

LocalMachine::LocalMachine(Home home, Options options, MakeReady make_ready, Watcher& watcher)
    : home_(std::move(home)),
      options_(std::move(options)),
      make_ready_(std::move(make_ready)),
      watcher_(watcher),
      networks_(options_.worker, options_.network) {}

std::chrono::steady_clock::time_point LocalMachine::steady_now() const {
  return std::chrono::steady_clock::now();
}

std::chrono::milliseconds LocalMachine::up_time() const {
  return cupola::up_time();
}

std::string LocalMachine::place() const {
  return home_.root().string();
}

double LocalMachine::free_disk() const {
  return free_share(home_.root());
}

Result<void> LocalMachine::make_ready(const store::Release& release) {
  return make_ready_(release);
}

Result<std::unique_ptr<Supervisor>> LocalMachine::start(StartOrder order) {
  const store::Run& run = order.run;
  const process::Support used = support_in_use(home_, options_);
  std::optional<unsigned> uid;
  if (used.kind == process::SandboxKind::root)
    uid = options_.first_uid + static_cast<unsigned>(order.slot);
  PreparedFolder prepared = prepare_folder(home_, run, order.content, used, uid);
  crash_point("run.folder_made");
  seed_states(prepared.states, order.states);
  if (uid) {
    if (const auto given = process::give_to(prepared.states, *uid); !given) return given.error();
  }
  crash_point("run.states_seeded");
  std::string start = write_start(prepared.folder, run.attempt);

  supervisor::RunSpec spec{
      .run = run.id,
      .folder = prepared.folder,
      .start = std::move(start),
      .log = home_.log(run.id),
      .command = meltano_command(run, order.content, order.work, prepared.layout),
      .env = run_environment(run, order.content, order.work, prepared.layout),
      .sandbox = std::move(prepared.sandbox),
      .support = used,
      .timeout = run.run_timeout,
      .grace = options_.grace,
      .memory_limit = options_.limits.memory,
      .cpu_limit = options_.limits.cpu,
      .process_limit = options_.limits.processes,
      .disk_limit = options_.limits.disk,
      .log_limit = options_.log_limit,
      .booted_at = order.now - since_boot()};
  if (options_.shared_database) {
    spec.server_sign = home_.sign_of_life();
    spec.longest_silence = longest_silence_for(options_.lease);
    spec.start_before = order.start_before;
  }
  for (const auto& [name, value] : options_.base_env) spec.env.emplace(name, value);
  show_certificates(options_.base_env, spec.sandbox);
  give_secrets(std::move(order.secrets), prepared.layout, spec);
  if (run.attempt > 1) spec.notes.push_back(opening_of(run));
  if (used.kind == process::SandboxKind::none)
    spec.notes.push_back("This run is not isolated: " + used.text);

  auto network = networks_.choose(order.network, used);
  if (!network) return network.error();
  spec.network = network->plan;
  spec.sandbox.resolv_conf = std::move(network->resolv_conf);
  if (!network->note.empty()) spec.notes.push_back(std::move(network->note));

  const Fd input = file_in_memory(supervisor::to_json_text(spec));
  crash_point("run.specified");
  const std::filesystem::path errors = prepared.folder / "supervisor.err";
  const Fd error_file(::open(errors.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  std::map<std::string, std::string> env = crash_environment();
  env["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  env["LANG"] = "C.UTF-8";
  auto child = process::start({.argv = {options_.supervisor.string()}, .env = std::move(env)},
                              {.in = input.get(), .out = -1, .err = error_file.get()});
  if (!child) return child.error();
  return std::unique_ptr<Supervisor>(std::make_unique<LocalSupervisor>(*std::move(child)));
}

Found LocalMachine::find(const store::Run& run) {
  return find_supervisor(home_.run(run.id), run.attempt);
}

std::optional<int> LocalMachine::slot_of(const RunId& run) const {
  const auto uid = owner_of(home_.run(run));
  if (!uid || *uid < options_.first_uid) return std::nullopt;
  return static_cast<int>(*uid - options_.first_uid);
}

void LocalMachine::watch(const RunId& run, Supervisor& supervisor) {
  watcher_.watch(run, static_cast<LocalSupervisor&>(supervisor).pidfd(), home_.run(run));
}

void LocalMachine::forget(const RunId& run) {
  watcher_.forget(run);
}

std::optional<supervisor::Started> LocalMachine::started(const RunId& run) const {
  const auto text = read_file(supervisor::started_file(home_.run(run)), 1u << 20);
  if (!text) return std::nullopt;
  auto started = supervisor::parse_started(*text);
  if (!started) return std::nullopt;
  return *std::move(started);
}

bool LocalMachine::takes_signals(const RunId& run) const {
  return std::filesystem::exists(supervisor::supervisor_file(home_.run(run)));
}

store::RunResult LocalMachine::result(const store::Run& run) const {
  const auto folder = home_.run(run.id);
  const auto text = read_file(supervisor::result_file(folder), largest_result);
  const auto outcome =
      text ? supervisor::parse_outcome(*text) : Result<supervisor::Outcome>(text.error());
  if (outcome) return result_of(run, *outcome, home_.log(run.id), options_);
  end_strays(run.id);
  const std::string said = tail_of(folder / "supervisor.err");
  return lost_result(said.empty() ? "Its supervisor was killed, and the run with it." : said);
}

std::vector<store::CapturedState> LocalMachine::states(const RunId& run,
                                                       std::vector<std::string>& trouble) {
  return read_states(home_.run(run) / "state", trouble);
}

std::vector<store::Artifact> LocalMachine::copy_artifacts(const store::Run& run,
                                                          const store::ReleaseContent& content,
                                                          std::int64_t lease_token) {
  return runner::copy_artifacts(home_, run, content, lease_token);
}

void LocalMachine::settle_artifacts(const RunId& run, std::int64_t lease_token, bool are_kept) {
  runner::settle_artifacts(home_, run, lease_token, are_kept);
}

void LocalMachine::tidy_up(const RunId& run, bool is_final) {
  try {
    if (is_final) logs::compress(home_.log(run));
  } catch (const std::exception& failure) {
    log_warning("run {}: its log stays uncompressed: {}", run.text(), failure.what());
  }
  // Moved away first: what cannot be removed must not be taken for the next attempt's.
  const std::filesystem::path aside = home_.run(run).string() + ".ended";
  std::error_code error;
  std::filesystem::rename(home_.run(run), aside, error);
  if (!remove_tree(error ? home_.run(run) : aside))
    log_warning("run {}: its work folder could not be removed whole", run.text());
}

void LocalMachine::sweep(const std::set<RunId>& open,
                         const std::function<bool(const RunId&)>& is_final) {
  std::error_code error;
  for (std::filesystem::directory_iterator it(home_.runs(), error);
       !error && it != std::filesystem::directory_iterator(); it.increment(error)) {
    const RunId id(it->path().filename().string());
    if (open.contains(id)) continue;
    end_supervisor(it->path());
    if (!std::filesystem::exists(supervisor::result_file(it->path()))) end_strays(id);
    // A server that was killed after the end of the run left the log, too, as it was.
    if (std::filesystem::exists(home_.log(id).string() + ".log")) tidy_up(id, is_final(id));
    remove_tree(it->path());
  }
}

}  // namespace cupola::runner
