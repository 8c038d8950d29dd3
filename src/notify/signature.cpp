#include "notify/signature.h"

#include <array>

#include <fmt/format.h>
#include <sodium.h>

#include "base/base64.h"
#include "base/outcome.h"

namespace cupola::notify {
namespace {

constexpr std::string_view prefix = "whsec_";
constexpr std::size_t secret_size = 32;
constexpr auto base64_variant = sodium_base64_VARIANT_ORIGINAL;

template <std::size_t Size>
std::string to_base64(const std::array<unsigned char, Size>& bytes) {
  return cupola::to_base64({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

void start_sodium() {
  if (sodium_init() < 0) throw Failure("libsodium could not be started");
}

}  // namespace

Secret new_webhook_secret() {
  start_sodium();
  std::array<unsigned char, secret_size> bytes{};
  randombytes_buf(bytes.data(), bytes.size());
  Secret secret(std::string(prefix) + to_base64(bytes));
  sodium_memzero(bytes.data(), bytes.size());
  return secret;
}

std::string signature_of(const Secret& secret, std::string_view id, std::int64_t timestamp,
                         std::string_view body) {
  start_sodium();
  std::array<unsigned char, 64> key{};
  std::size_t key_size = 0;
  std::string_view text = secret.reveal();
  const bool is_ours = text.starts_with(prefix);
  if (is_ours) text.remove_prefix(prefix.size());
  if (!is_ours || sodium_base642bin(key.data(), key.size(), text.data(), text.size(), nullptr,
                                    &key_size, nullptr, base64_variant) != 0) {
    throw Failure("A webhook's secret is not of the form whsec_… and base64");
  }
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, key.data(), key_size);
  const auto add = [&](std::string_view part) {
    crypto_auth_hmacsha256_update(&state, reinterpret_cast<const unsigned char*>(part.data()),
                                  part.size());
  };
  add(id);
  add(fmt::format(".{}.", timestamp));
  add(body);
  std::array<unsigned char, crypto_auth_hmacsha256_BYTES> mac{};
  crypto_auth_hmacsha256_final(&state, mac.data());
  sodium_memzero(key.data(), key.size());
  return "v1," + to_base64(mac);
}

net::Headers signed_headers(const Secret& secret, std::string_view id, Instant now,
                            std::string_view body) {
  const std::int64_t timestamp = to_milliseconds(now) / 1000;
  return {{"webhook-id", std::string(id)},
          {"webhook-timestamp", fmt::format("{}", timestamp)},
          {"webhook-signature", signature_of(secret, id, timestamp, body)}};
}

}  // namespace cupola::notify
