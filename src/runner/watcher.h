#pragma once

/// Waits for what happens to supervised runs: a supervisor ended, a file appeared, somebody woke
/// us.

#include <chrono>
#include <filesystem>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/files.h"
#include "base/id.h"
#include "runner/events.h"

namespace cupola::runner {

/// One epoll set over pidfds, inotify on run folders, and an eventfd. `wake` from any thread, the
/// rest from the one that waits.
class Watcher {
 public:
  Watcher();
  /// Both descriptors and folder belong to the caller and must live until `forget`.
  void watch(const RunId& run, int pidfd, const std::filesystem::path& folder);
  void forget(const RunId& run);
  void wake();
  Events wait(std::chrono::milliseconds longest);

 private:
  struct Watched {
    int pidfd = -1;
    int inotify = -1;
  };
  void read_inotify(Events& events);

  Fd epoll_;
  Fd inotify_;
  Fd wake_;
  std::unordered_map<RunId, Watched> watched_;
  std::unordered_map<int, RunId> by_pidfd_;
  std::unordered_map<int, RunId> by_inotify_;
};

}  // namespace cupola::runner
