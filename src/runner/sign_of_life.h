#pragma once

/// What supervisors look at to know that their server is not hanging.

#include <filesystem>

#include "base/files.h"
#include "base/loop.h"

namespace cupola::runner {

/// Rewrites the file each second on a thread of its own, whatever the database does: a server that
/// waits for its database still lives, and its runs go on. Start and stop as Loop.
class SignOfLife {
 public:
  explicit SignOfLife(std::filesystem::path file);
  void start() { loop_.start(); }
  void stop() { loop_.stop(); }

 private:
  void give();

  std::filesystem::path file_;
  Fd fd_;
  Loop loop_;
};

}  // namespace cupola::runner
