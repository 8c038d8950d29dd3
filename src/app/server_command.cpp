#include "app/server_command.h"

#include <algorithm>
#include <memory>

#include <CLI/CLI.hpp>

#include "app/server.h"
#include "app/server_options.h"

namespace cupola::app {
namespace {

/// Room for what a run says about itself.
constexpr std::int64_t least_log_limit = std::int64_t{1} << 16;

/// Options that need more than CLI11 knows to read.
struct Texts {
  std::string home;
  std::string key_file;
  std::string log_store;
  std::string persist_store;
  std::string components = "api,scheduler,runner,notifier";
  std::string lease = "30s";
  std::string uv;
  std::string run_memory = "0";
  std::string log_limit = "4GiB";
  std::string run_disk = "50GiB";
  std::string build_memory = "0";
  std::string build_disk = "20GiB";
  std::string sandbox = "on";
  std::string stop_grace = "20s";
  std::string shortest_interval = "0s";
  std::string keep_logs = "30d";
  std::string keep_runs = "400d";
  std::string keep_environments = "14d";
  std::string keep_audit = "forever";
  std::string keep_deliveries = "30d";
  std::vector<std::string> secret_files;
  std::vector<std::string> secret_programs;
  NotifyTexts notify;
};

Result<std::chrono::milliseconds> span_of(const char* option, const std::string& text) {
  if (const auto span = parse_span(text)) return *span;
  return Error{Error::Kind::invalid, std::string(option) + " '" + text + "' is no span of time.",
               "Write it as 90s, 15m, 2h or 30d."};
}

constexpr std::chrono::milliseconds shortest_lease = 6s;

std::filesystem::path absolute_or_empty(const std::string& path) {
  return path.empty() ? std::filesystem::path() : std::filesystem::absolute(path);
}

Result<secrets::Options> read_secret_sources(const Texts& texts,
                                             const std::filesystem::path& home) {
  secrets::Options sources{.home = home};
  const struct {
    const char* option;
    const std::vector<std::string>& texts;
    std::vector<std::filesystem::path>& to;
  } lists[] = {{"--secret-files", texts.secret_files, sources.folders},
               {"--secret-programs", texts.secret_programs, sources.programs}};
  for (const auto& list : lists) {
    for (const std::string& text : list.texts) {
      const std::filesystem::path path = std::filesystem::path(text).lexically_normal();
      if (!path.is_absolute()) {
        return Error{Error::Kind::invalid,
                     std::string(list.option) + " '" + text + "' is no absolute path.", ""};
      }
      // A folder may be written with a slash at its end.
      list.to.push_back(path.has_filename() ? path : path.parent_path());
    }
  }
  return sources;
}

Result<ServerOptions> read_options(ServerOptions options, const Texts& texts) {
  options.home = texts.home.empty() ? default_home() : std::filesystem::absolute(texts.home);
  options.key_file = texts.key_file;
  options.log_store = absolute_or_empty(texts.log_store);
  options.persist_store = absolute_or_empty(texts.persist_store);
  options.uv = texts.uv;
  const auto components = parse_components(texts.components);
  if (!components) return components.error();
  options.components = *components;
  options.sandbox = texts.sandbox == "on";
  const struct {
    const std::string& text;
    std::int64_t& to;
  } amounts[] = {{texts.run_memory, options.run_limits.memory},
                 {texts.run_disk, options.run_limits.disk},
                 {texts.build_memory, options.build_limits.memory},
                 {texts.build_disk, options.build_limits.disk},
                 {texts.log_limit, options.log_limit}};
  for (const auto& amount : amounts) {
    const auto read = parse_bytes(amount.text);
    if (!read) return read.error();
    amount.to = *read;
  }
  options.log_limit = std::max(options.log_limit, least_log_limit);
  const struct {
    const char* name;
    const std::string& text;
    std::chrono::milliseconds& to;
  } spans[] = {{"--lease", texts.lease, options.lease},
               {"--stop-grace", texts.stop_grace, options.stop_grace},
               {"--shortest-interval", texts.shortest_interval, options.shortest_interval},
               {"--keep-logs", texts.keep_logs, options.kept.logs},
               {"--keep-runs", texts.keep_runs, options.kept.runs},
               {"--keep-environments", texts.keep_environments, options.keep_environments},
               {"--keep-deliveries", texts.keep_deliveries, options.kept.deliveries}};
  for (const auto& span : spans) {
    const auto read = span_of(span.name, span.text);
    if (!read) return read.error();
    span.to = *read;
  }
  if (texts.keep_audit != "forever") {
    const auto read = span_of("--keep-audit", texts.keep_audit);
    if (!read) return read.error();
    options.kept.audit = *read;
  }
  if (auto sources = read_secret_sources(texts, options.home)) {
    options.secret_sources = *std::move(sources);
  } else {
    return sources.error();
  }
  auto notify = read_notify_options(texts.notify);
  if (!notify) return notify.error();
  options.notify = *std::move(notify);
  if (options.lease < shortest_lease) {
    return Error{Error::Kind::invalid, "--lease '" + texts.lease + "' is too short.",
                 "Give 6s or more; 30s suits servers on several machines."};
  }
  if (options.shortest_interval > 24h) {
    return Error{Error::Kind::invalid,
                 "--shortest-interval '" + texts.shortest_interval + "' is too long.",
                 "Give 24h or less."};
  }
  return options;
}

}  // namespace

void add_server_command(CLI::App& root, cli::Context& context) {
  // Shared by the parser, which fills them, and by what the command then does.
  const auto options = std::make_shared<ServerOptions>();
  const auto texts = std::make_shared<Texts>();
  CLI::App& server = *root.add_subcommand("server", "Serve: API, scheduler, deploys and runs");
  const auto add = [&](const std::string& name, auto& value, const char* variable,
                       const std::string& text) {
    return server.add_option(name, value, text)->envname(variable)->capture_default_str();
  };
  add("--home", texts->home, "CUPOLA_HOME",
      "Folder for everything the server keeps (default: $XDG_DATA_HOME/cupola)");
  add("--listen", options->listen, "CUPOLA_LISTEN", "HOST:PORT to listen on; port 0: any free one");
  add("--database", options->database, "CUPOLA_DATABASE",
      "postgresql://… in place of the SQLite file in the folder");
  add("--key-file", texts->key_file, "CUPOLA_KEY_FILE",
      "Key that seals secrets (default: `key` in the folder)");
  add("--log-store", texts->log_store, "CUPOLA_LOG_STORE",
      "Folder of the logs, which servers on one database share (default: `logs` in the folder)");
  add("--persist-store", texts->persist_store, "CUPOLA_PERSIST_STORE",
      "Folder of what outlives runs, shared as well (default: `persisted` in the folder)");
  add("--components", texts->components, "CUPOLA_COMPONENTS",
      "Parts that this server takes on: some of api, scheduler, runner, notifier");
  add("--lease", texts->lease, "CUPOLA_LEASE",
      "Within which others take over what a server left that gives no sign; the same on all");
  add("--public-url", options->public_url, "CUPOLA_PUBLIC_URL",
      "Address under which others reach this server");
  server
      .add_flag("--allow-local-repositories", options->allow_local_repositories,
                "Let projects name repositories by a path on this machine")
      ->envname("CUPOLA_ALLOW_LOCAL_REPOSITORIES");
  add("--max-runs", options->max_runs, "CUPOLA_MAX_RUNS",
      "Runs at once; 0: as many as there are cores")
      ->check(CLI::Range(0, 1000));
  add("--run-memory", texts->run_memory, "CUPOLA_RUN_MEMORY",
      "Memory limit of each run, such as 2GiB; 0: none");
  add("--log-limit", texts->log_limit, "CUPOLA_LOG_LIMIT",
      "Size at which the log of a run is cut, and says so");
  add("--run-cpu", options->run_limits.cpu, "CUPOLA_RUN_CPU",
      "Cores that each run may use, such as 1.5; 0: all")
      ->check(CLI::Range(0.0, 1024.0));
  add("--run-processes", options->run_limits.processes, "CUPOLA_RUN_PROCESSES",
      "Processes and threads of each run; 0: no limit")
      ->check(CLI::Range(0, 4194304));
  add("--run-disk", texts->run_disk, "CUPOLA_RUN_DISK",
      "Disk that each run may write, such as 50GiB; 0: no limit");
  add("--build-memory", texts->build_memory, "CUPOLA_BUILD_MEMORY",
      "Memory limit of building a plugin environment; 0: none");
  add("--build-processes", options->build_limits.processes, "CUPOLA_BUILD_PROCESSES",
      "Processes and threads of such a build; 0: no limit")
      ->check(CLI::Range(0, 4194304));
  add("--build-disk", texts->build_disk, "CUPOLA_BUILD_DISK",
      "Disk that such a build may write; 0: no limit");
  add("--run-reach", options->run_reach, "CUPOLA_RUN_REACH",
      "What runs with a network of their own reach besides: metadata, server, loopback")
      ->check(CLI::IsMember({"metadata", "server", "loopback"}))
      ->delimiter(',');
  add("--run-dns", options->run_dns, "CUPOLA_RUN_DNS",
      "Name servers of runs with a network of their own (default: the host's)")
      ->check(CLI::ValidIPV4)
      ->delimiter(',');
  add("--sandbox", texts->sandbox, "CUPOLA_SANDBOX",
      "on, or off for trusted projects on machines that cannot isolate")
      ->check(CLI::IsMember({"on", "off"}));
  add("--stop-grace", texts->stop_grace, "CUPOLA_STOP_GRACE",
      "Time a stopped run has to end by itself");
  add("--shortest-interval", texts->shortest_interval, "CUPOLA_SHORTEST_INTERVAL",
      "Least time between two fires of a schedule, such as 15m; 0s: none");
  add("--first-run-uid", options->first_run_uid, "CUPOLA_FIRST_RUN_UID",
      "First of the user ids that runs get when the server is root")
      ->check(CLI::Range(1000u, 4000000000u));
  add("--uv", texts->uv, "CUPOLA_UV",
      "The program uv, which builds plugin environments (default: looked for)");
  add("--keep-logs", texts->keep_logs, "CUPOLA_KEEP_LOGS", "How long logs of ended runs are kept");
  add("--keep-runs", texts->keep_runs, "CUPOLA_KEEP_RUNS", "How long ended runs are kept");
  add("--keep-state-versions", options->kept.state_versions, "CUPOLA_KEEP_STATE_VERSIONS",
      "Versions kept of each state")
      ->check(CLI::Range(1, 1000000));
  add("--keep-releases", options->keep_releases, "CUPOLA_KEEP_RELEASES",
      "Old releases kept of each deployment")
      ->check(CLI::Range(1, 10000));
  add("--keep-environments", texts->keep_environments, "CUPOLA_KEEP_ENVIRONMENTS",
      "How long unused plugin environments are kept");
  add("--keep-audit", texts->keep_audit, "CUPOLA_KEEP_AUDIT",
      "How long the audit log is kept: a span, or forever");
  add("--keep-deliveries", texts->keep_deliveries, "CUPOLA_KEEP_DELIVERIES",
      "How long the log of notifications is kept");
  add("--secret-files", texts->secret_files, "CUPOLA_SECRET_FILES",
      "Folders below which `secret set --from file:…` may read (default: none)")
      ->delimiter(',');
  add("--secret-programs", texts->secret_programs, "CUPOLA_SECRET_PROGRAMS",
      "Programs that `secret set --from exec:…` may start (default: none)")
      ->delimiter(',');
  add_notify_options(server, texts->notify);
  add("--min-free-disk", options->least_free_disk, "CUPOLA_MIN_FREE_DISK",
      "Per cent of the disk below which no run starts")
      ->check(CLI::Range(0.0, 90.0));
  server.set_config("--config", "", "File with these settings: one `name = value` a line")
      ->envname("CUPOLA_CONFIG");
  server.callback([&context, options, texts] {
    context.chosen = [options, texts]() -> Result<int> {
      const auto read = read_options(*options, *texts);
      if (!read) return read.error();
      return run_server(*read);
    };
  });
}

}  // namespace cupola::app
