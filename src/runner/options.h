#pragma once

/// How a server's runner is set up.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/time.h"
#include "secrets/source.h"

namespace cupola::runner {

/// Of each run; 0: none.
struct RunLimits {
  std::int64_t memory = 0;        ///< bytes
  double cpu = 0;                 ///< cores
  std::int64_t processes = 4096;  ///< threads too
  std::int64_t disk = 0;          ///< bytes written
};

/// Of runs that have a network of their own.
struct NetworkOptions {
  std::function<unsigned()> server_port;  ///< of this server; 0 while it does not listen
  bool reach_metadata = false, reach_server = false, reach_loopback = false;
  std::vector<std::string> name_servers;  ///< empty: those of the host
};

struct Options {
  std::string worker;  ///< names this server in leases; the same after a restart
  int max_runs = 2;    ///< at once
  RunLimits limits;
  NetworkOptions network;
  bool sandbox = true;
  unsigned first_uid = 60600;  ///< host uid of the first slot; the others follow
  std::chrono::milliseconds grace{20s};
  /// Servers that share the database count a run as lost when its server gave no sign for this
  /// long, at least 6 s. By then its supervisor has ended it.
  std::chrono::milliseconds lease{30s};
  /// Others may take over what this server leaves lying.
  bool shared_database = false;
  std::uint64_t log_limit = 4ull << 30;
  double least_free_disk = 0.05;     ///< share; below it no run starts
  std::filesystem::path supervisor;  ///< the program cupola-supervisor
  secrets::Options secret_sources;   ///< where values of secrets may be fetched from
  /// Run in the program's own environment besides (proxies, certificates).
  std::map<std::string, std::string> base_env;
};

}  // namespace cupola::runner
