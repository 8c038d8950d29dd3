#include "auth/token.h"

#include <array>

#include <sodium.h>

#include "base/digest.h"
#include "base/outcome.h"
#include "base/text.h"

namespace cupola::auth {
namespace {

constexpr std::string_view token_prefix = "cup_";
constexpr std::string_view invitation_prefix = "inv_";
constexpr std::size_t random_bytes = 32;
constexpr std::size_t letters = 43;
constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

Secret random_text(std::string_view prefix) {
  if (::sodium_init() < 0) throw Failure("Cannot make a token: libsodium did not start.");
  std::array<unsigned char, random_bytes> bytes{};
  ::randombytes_buf(bytes.data(), bytes.size());
  std::array<char, letters + 1> text{};
  ::sodium_bin2base64(text.data(), text.size(), bytes.data(), bytes.size(),
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  Secret token(std::string(prefix) + text.data());
  ::sodium_memzero(bytes.data(), bytes.size());
  ::sodium_memzero(text.data(), text.size());
  return token;
}

bool is_random_text(std::string_view prefix, std::string_view text) {
  if (!text.starts_with(prefix) || text.size() != prefix.size() + letters) return false;
  return text.find_first_not_of(alphabet, prefix.size()) == std::string_view::npos;
}

}  // namespace

Secret new_token() {
  return random_text(token_prefix);
}

Secret new_invitation_token() {
  return random_text(invitation_prefix);
}

bool is_token(std::string_view text) {
  return is_random_text(token_prefix, text);
}

bool is_invitation_token(std::string_view text) {
  return is_random_text(invitation_prefix, text);
}

std::string_view bearer_of(std::string_view authorization) {
  constexpr std::string_view scheme = "bearer ";
  if (to_lower(authorization.substr(0, scheme.size())) != scheme) return {};
  return trim(authorization.substr(scheme.size()));
}

std::string token_hash(std::string_view token) {
  return sha256_hex(token);
}

}  // namespace cupola::auth
