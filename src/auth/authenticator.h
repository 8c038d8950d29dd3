#pragma once

/// Who sends a request: from its Authorization header to a member of an organization.

#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/outcome.h"
#include "base/time.h"
#include "db/database.h"
#include "store/organizations.h"

namespace cupola::auth {

/// Knows the holders of tokens. Safe from any thread.
class Authenticator {
 public:
  /// A member that was found is remembered this long, so that a busy client costs one query a
  /// second. So a token that was revoked, or a role that was changed, works this long still.
  static constexpr std::chrono::milliseconds memory{1000};

  explicit Authenticator(db::Database& database) : database_(database) {}

  /// The holder of the token in "Bearer cup_…". Errors: unauthorized, with the same words whether
  /// there is no such token, or it is revoked or expired. Throws Failure when the database is gone.
  Result<store::Member> authenticate(std::string_view authorization, Instant now);

  /// Writes down when each token was last used; gives how many. Apart from `authenticate`, so that
  /// reading needs no write; call it once a minute.
  int keep_uses();

 private:
  struct Remembered {
    store::Member member;
    Instant since;
  };

  db::Database& database_;
  std::mutex mutex_;
  std::unordered_map<std::string, Remembered> remembered_;  // by the token's hash
  std::map<TokenKey, Instant> uses_;                        // since keep_uses
};

}  // namespace cupola::auth
