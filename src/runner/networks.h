#pragma once

/// Which network a run gets: the host's, or one of its own, as its organization says and the
/// machine allows.

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

#include "base/outcome.h"
#include "process/run_network.h"
#include "process/sandbox.h"
#include "runner/options.h"
#include "store/organizations.h"

namespace cupola::runner {

/// What a run is given.
struct ChosenNetwork {
  std::optional<process::RunNetworkPlan> plan;  ///< nothing: the host's network
  std::string resolv_conf;
  std::string note;  ///< for its log: why it has not the network that it should have
};

/// Lays the rules of the packet filter when they are first needed, and again once a minute while
/// runs start: an administrator may have reloaded his own. Any thread.
class Networks {
 public:
  /// `server_id` tells this server's interfaces and rules from those of others.
  Networks(std::string server_id, NetworkOptions options);

  /// An organization that chose to be isolated gets that or an Error (unavailable, with what to
  /// do); one that is by default has the host's network where nothing else is to be had, and its
  /// runs say so.
  Result<ChosenNetwork> choose(const store::Network& network, const process::Support& support);

 private:
  Result<ChosenNetwork> isolated(const process::Support& support);
  Result<ChosenNetwork> joined_by_pair();
  Result<ChosenNetwork> joined_by_slirp() const;

  std::string server_id_;
  NetworkOptions options_;
  std::mutex mutex_;
  std::optional<std::chrono::steady_clock::time_point> laid_at_;
  unsigned laid_port_ = 0;
};

}  // namespace cupola::runner
