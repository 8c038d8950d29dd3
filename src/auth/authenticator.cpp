#include "auth/authenticator.h"

#include <optional>

#include "auth/token.h"

namespace cupola::auth {
namespace {

constexpr std::size_t most_remembered = 10000;

}  // namespace

Result<store::Member> Authenticator::authenticate(std::string_view authorization, Instant now) {
  if (authorization.empty()) {
    return Error{Error::Kind::unauthorized, "The request has no token.",
                 "Send the header 'Authorization: Bearer cup_…'; `cupola admin create-token` makes "
                 "one."};
  }
  const std::string_view token = bearer_of(authorization);
  if (!is_token(token)) {
    return Error{Error::Kind::unauthorized, "The Authorization header holds no token of Cupola.",
                 "It reads 'Bearer cup_' and 43 more characters."};
  }
  std::optional<store::Member> member = find(token_hash(token), now);
  if (member) return *std::move(member);
  return Error{Error::Kind::unauthorized, "The token is not known, or no longer valid.",
               "`cupola admin create-token` makes a new one."};
}

std::optional<store::Member> Authenticator::find(const std::string& hash, Instant now) {
  std::uint64_t forgotten = 0;
  {
    const std::lock_guard lock(mutex_);
    const auto found = remembered_.find(hash);
    if (found != remembered_.end() && now >= found->second.since &&
        now < found->second.since + memory) {
      return found->second.member;
    }
    forgotten = forgotten_;
  }
  std::optional<store::Member> member =
      database_.read([&](db::Session& db) { return store::find_member_by_token(db, hash, now); });

  const std::lock_guard lock(mutex_);
  remembered_.erase(hash);
  if (!member) return std::nullopt;
  if (remembered_.size() >= most_remembered) remembered_.clear();
  // What was read before something was taken from people is not remembered after it.
  if (forgotten == forgotten_) remembered_.emplace(hash, Remembered{*member, now});
  uses_[member->token] = now;
  return member;
}

void Authenticator::forget() {
  const std::lock_guard lock(mutex_);
  ++forgotten_;
  remembered_.clear();
}

std::optional<Instant> Authenticator::last_use(const TokenKey& token) const {
  const std::lock_guard lock(mutex_);
  const auto found = uses_.find(token);
  if (found == uses_.end()) return std::nullopt;
  return found->second;
}

int Authenticator::keep_uses() {
  std::map<TokenKey, Instant> uses;
  {
    const std::lock_guard lock(mutex_);
    uses.swap(uses_);
  }
  if (uses.empty()) return 0;
  database_.write([&](db::Session& db) {
    for (const auto& [token, used] : uses) store::touch_token(db, token, used);
  });
  return static_cast<int>(uses.size());
}

}  // namespace cupola::auth
