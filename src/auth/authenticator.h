#pragma once

/// Who sends a request: from its Authorization header to a member of an organization.

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/outcome.h"
#include "base/time.h"
#include "db/database.h"
#include "store/tokens.h"

namespace cupola::auth {

/// Knows the holders of tokens. Safe from any thread.
class Authenticator {
 public:
  /// A member that was found is remembered this long, so that a busy client costs one query a
  /// second. Whoever takes something from people calls `forget`; what another program took (`cupola
  /// admin` beside a server on SQLite) works this long still.
  static constexpr std::chrono::milliseconds memory{1000};

  explicit Authenticator(db::Database& database) : database_(database) {}

  /// The holder of the token in "Bearer cup_…". Errors: unauthorized, with the same words whether
  /// there is no such token, or it is revoked or expired. Throws Failure when the database is gone.
  Result<store::Member> authenticate(std::string_view authorization, Instant now);

  /// The holder of the token with that hash, if it is neither revoked nor expired.
  std::optional<store::Member> find(const std::string& hash, Instant now);

  /// Everyone is looked up anew: a token was revoked, a role changed. Call it after the change is
  /// kept.
  void forget();

  /// When the token was last used, as far as it is not written down yet.
  std::optional<Instant> last_use(const TokenKey& token) const;

  /// Writes down when each token was last used; gives how many. Apart from `authenticate`, so that
  /// reading needs no write; call it once a minute.
  int keep_uses();

 private:
  struct Remembered {
    store::Member member;
    Instant since;
  };

  db::Database& database_;
  mutable std::mutex mutex_;
  std::uint64_t forgotten_ = 0;                             // how often `forget` was called
  std::unordered_map<std::string, Remembered> remembered_;  // by the token's hash
  std::map<TokenKey, Instant> uses_;                        // since keep_uses
};

}  // namespace cupola::auth
