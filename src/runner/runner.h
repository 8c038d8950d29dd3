#pragma once

/// Queued runs become supervised processes: claims, starts, watches, captures state, ends, and
/// after a restart adopts what went on meanwhile.

#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/home.h"
#include "base/outcome.h"
#include "db/database.h"
#include "runner/options.h"
#include "store/deployments.h"
#include "store/vault.h"

namespace cupola::runner {

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

 private:
  class Work;
  std::unique_ptr<Work> work_;
};

}  // namespace cupola::runner
