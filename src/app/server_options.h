#pragma once

/// What `cupola server` can be told: by flag, else by variable CUPOLA_…, else by file.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "app/notify_options.h"
#include "base/outcome.h"
#include "base/time.h"
#include "runner/options.h"
#include "secrets/source.h"
#include "store/retention.h"

namespace cupola::app {

/// The parts of the program that a server takes on. Each answers whether it lives.
struct Components {
  bool api = true;        ///< the HTTP API
  bool scheduler = true;  ///< turns fires into queued runs, and cleans the database up
  bool runner = true;     ///< runs, and the builds of releases that they need
  bool notifier = true;   ///< tells people what happened
};

/// "api,scheduler,runner,notifier": at least one of them. Errors: invalid.
Result<Components> parse_components(std::string_view text);

struct ServerOptions {
  std::filesystem::path home;
  std::string listen = "127.0.0.1:8080";
  std::string database;                 ///< URL; empty: the SQLite file in `home`
  std::filesystem::path key_file;       ///< empty: `key` in `home`
  std::filesystem::path log_store;      ///< empty: `logs` in `home`
  std::filesystem::path persist_store;  ///< empty: `persisted` in `home`
  Components components;
  /// Within which others take over the work of a server that gives no sign.
  std::chrono::milliseconds lease{30s};
  std::string public_url;  ///< empty: where it listens
  bool allow_local_repositories = false;
  int max_runs = 0;  ///< at once; 0: as many as there are cores
  runner::RunLimits run_limits{.disk = std::int64_t{50} << 30};
  runner::RunLimits build_limits{.memory = 0, .disk = std::int64_t{20} << 30};
  std::int64_t log_limit = std::int64_t{4} << 30;  ///< bytes of each run's log and index
  /// What runs with a network of their own reach besides: metadata, server, loopback.
  std::vector<std::string> run_reach;
  std::vector<std::string> run_dns;  ///< their name servers; empty: the host's
  bool sandbox = true;
  std::chrono::milliseconds stop_grace{20s};
  std::chrono::milliseconds shortest_interval{0};  ///< between fires of a schedule; 0: any
  unsigned first_run_uid = 60600;
  std::filesystem::path uv;  ///< empty: looked for
  store::Retention kept;     ///< unless an organization chose otherwise
  std::chrono::milliseconds keep_environments = 14 * 24h;
  int keep_releases = 5;
  double least_free_disk = 5;  ///< per cent
  NotifyOptions notify;
  secrets::Options secret_sources;  ///< what `file:` and `exec:` of secrets may reach
};

/// $XDG_DATA_HOME/cupola, else ~/.local/share/cupola.
std::filesystem::path default_home();

/// "HOST:PORT" or "[V6]:PORT". Errors: invalid.
struct Address {
  std::string host;
  unsigned short port = 0;
};
Result<Address> parse_address(std::string_view text);

/// "2GiB", "512M", "1000000". Errors: invalid.
Result<std::int64_t> parse_bytes(std::string_view text);

}  // namespace cupola::app
