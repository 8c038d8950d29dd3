#pragma once

/// Keeps a release ours while it is built. Private.

#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>

#include "deploy/workshop.h"

namespace cupola::deploy {

/// Renews the lease of a release until it goes; `lost` is requested when another server has it.
class LeaseKeeper {
 public:
  LeaseKeeper(const Workshop& shop, ReleaseKey release, std::stop_source lost);

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::jthread thread_;
};

}  // namespace cupola::deploy
