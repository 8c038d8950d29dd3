#pragma once

/// SHA-256 (FIPS 180-4), for content addresses and for hashes of tokens.

#include <memory>
#include <string>
#include <string_view>

namespace cupola {

/// SHA-256 of `data` as 64 lower-case hex digits.
std::string sha256_hex(std::string_view data);

/// SHA-256 over pieces: add them, then ask once.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void add(std::string_view data);
  /// The digest of all added so far, 64 lower-case hex digits. Ends the sum: add no more.
  std::string hex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Whether both are the same, in a time that depends on the lengths alone.
bool equal_in_constant_time(std::string_view a, std::string_view b);

}  // namespace cupola
