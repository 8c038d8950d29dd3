#include "auth/guesses.h"

#include <algorithm>

namespace cupola::auth {
namespace {

constexpr std::size_t most_kept = 20'000;

std::string login_key(std::string_view login) {
  return "login " + std::string(login);
}

std::string peer_key(std::string_view peer) {
  return "peer " + std::string(peer);
}

}  // namespace

// How long until the key may be tried again; nothing when it may now.
std::optional<std::chrono::milliseconds> Guesses::wait_of(const std::string& key, int most,
                                                          Instant now) {
  const auto found = tries_.find(key);
  if (found == tries_.end()) return std::nullopt;
  const Tries& tries = found->second;
  if (now < tries.since || now >= tries.since + window) {
    tries_.erase(found);
    return std::nullopt;
  }
  if (tries.count < most) return std::nullopt;
  return tries.since + window - now;
}

void Guesses::forget_old(Instant now) {
  std::erase_if(tries_, [&](const auto& entry) { return now >= entry.second.since + window; });
  // Filled by somebody with many addresses: the counts are lost, the memory is not.
  if (tries_.size() >= most_kept) tries_.clear();
}

std::optional<std::chrono::milliseconds> Guesses::too_many(std::string_view login,
                                                           std::string_view peer, Instant now) {
  const std::string by_login = login_key(login);
  const std::string by_peer = peer_key(peer);
  const std::lock_guard lock(mutex_);
  if (tries_.size() >= most_kept) forget_old(now);
  const auto login_wait = wait_of(by_login, most_per_login, now);
  const auto peer_wait = wait_of(by_peer, most_per_peer, now);
  if (login_wait || peer_wait) {
    return std::max(login_wait.value_or(std::chrono::milliseconds{0}),
                    peer_wait.value_or(std::chrono::milliseconds{0}));
  }
  for (const std::string& key : {by_login, by_peer}) {
    const auto [entry, is_new] = tries_.try_emplace(key, Tries{.since = now});
    ++entry->second.count;
  }
  return std::nullopt;
}

void Guesses::succeeded(std::string_view login, std::string_view peer) {
  const std::lock_guard lock(mutex_);
  tries_.erase(login_key(login));
  const auto found = tries_.find(peer_key(peer));
  if (found != tries_.end() && found->second.count > 0) --found->second.count;
}

}  // namespace cupola::auth
