#pragma once

/// The server's folder: made, checked and held.

#include <string>

#include "base/files.h"
#include "base/home.h"

namespace cupola::app {

/// Holds the folder for one server until it goes.
class HeldHome {
 public:
  /// Makes the folder (0700) where it is missing. Throws Failure: not writable, or in use by
  /// another server (its pid is named).
  explicit HeldHome(const Home& home);

  /// A name for this server that stays the same over restarts.
  const std::string& server_id() const { return server_id_; }

 private:
  Fd lock_;
  std::string server_id_;
};

}  // namespace cupola::app
