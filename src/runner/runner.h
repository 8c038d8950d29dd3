#pragma once

/// Queued runs become supervised processes: claims, starts, watches, captures state, ends, and
/// after a restart adopts what went on meanwhile.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/home.h"
#include "base/outcome.h"
#include "db/database.h"
#include "store/deployments.h"
#include "store/vault.h"

namespace cupola::runner {

struct Options {
  std::string worker;             ///< names this server in leases; the same after a restart
  int max_runs = 2;               ///< at once
  std::int64_t memory_limit = 0;  ///< bytes for each run, 0: none
  bool sandbox = true;
  unsigned first_uid = 60600;  ///< host uid of the first slot; the others follow
  std::chrono::milliseconds grace{20s};
  std::uint64_t log_limit = 4ull << 30;
  double least_free_disk = 0.05;     ///< share; below it no run starts
  std::filesystem::path supervisor;  ///< the program cupola-supervisor
  /// Run in the program's own environment besides (proxies, certificates).
  std::map<std::string, std::string> base_env;
};

struct Dependencies {
  db::Database& database;
  const store::Vault& vault;
  const Clock& clock;
  Home home;
  /// Makes sure that checkout and environments of the release are on this machine.
  std::function<Result<void>(const store::Release&)> ensure_files;
};

/// Holds no run itself: each has a supervisor process that outlives this object and this program.
/// `start` adopts the open runs of this worker, then works until `stop`, which leaves them running.
/// `wake` (any thread) when something was queued or is to be stopped.
class Runner {
 public:
  Runner(Dependencies dependencies, Options options);
  ~Runner();
  void start();
  void stop();
  void wake();
  /// Why no run starts at the moment (the disk is nearly full); empty when nothing is in the way.
  std::string trouble() const;

 private:
  class Work;
  std::unique_ptr<Work> work_;
};

}  // namespace cupola::runner
