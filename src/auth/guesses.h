#pragma once

/// Counts how often passwords were tried, so that nobody can guess at them for long.

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace cupola::auth {

/// In the memory of one server: a login may be tried ten times in a quarter of an hour, and so may
/// thirty logins from one address. What went well is taken back: many may sign in from one office.
/// Safe from any thread.
class Guesses {
 public:
  static constexpr std::chrono::minutes window{15};
  static constexpr int most_per_login = 10;
  static constexpr int most_per_peer = 30;

  /// Counts a try that is about to be made; gives how long to wait instead where there were too
  /// many (and counts nothing then).
  std::optional<std::chrono::milliseconds> too_many(std::string_view login, std::string_view peer,
                                                    Instant now);
  /// The password was right, or it was a new one: the login's count is cleared, and this try is
  /// taken off the address's.
  void succeeded(std::string_view login, std::string_view peer);

 private:
  struct Tries {
    Instant since;
    int count = 0;
  };
  std::optional<std::chrono::milliseconds> wait_of(const std::string& key, int most, Instant now);
  void forget_old(Instant now);

  std::mutex mutex_;
  std::map<std::string, Tries> tries_;  // by "login …" or "peer …"
};

}  // namespace cupola::auth
