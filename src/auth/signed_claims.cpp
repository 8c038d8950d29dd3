#include "auth/signed_claims.h"

#include <sodium.h>

#include "base/text.h"

namespace cupola::auth {
namespace {

constexpr auto variant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
constexpr std::string_view header = R"({"alg":"HS256","typ":"JWT"})";
constexpr std::size_t longest_token = 16u << 10;

std::string to_base64url(std::string_view bytes) {
  std::string text(sodium_base64_encoded_len(bytes.size(), variant), '\0');
  ::sodium_bin2base64(text.data(), text.size(),
                      reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), variant);
  text.pop_back();
  return text;
}

std::optional<std::string> from_base64url(std::string_view text) {
  std::string bytes(text.size(), '\0');
  std::size_t length = 0;
  const int failed =
      ::sodium_base642bin(reinterpret_cast<unsigned char*>(bytes.data()), bytes.size(), text.data(),
                          text.size(), nullptr, &length, nullptr, variant);
  if (failed != 0) return std::nullopt;
  bytes.resize(length);
  return bytes;
}

std::string_view name_of(Purpose purpose) {
  switch (purpose) {
    case Purpose::id_token:
      return "cloud id token";
    case Purpose::access_token:
      return "cloud access token";
    case Purpose::ticket:
      return "prepared request";
    case Purpose::sign_in_form:
      return "sign-in form";
    case Purpose::consent_form:
      return "consent form";
  }
  return "";
}

}  // namespace

std::string sign_claims(const store::Vault& vault, Purpose purpose, json::object claims,
                        Instant expires_at) {
  claims["exp"] = to_milliseconds(expires_at) / 1000;
  const std::string text = to_base64url(header) + "." + to_base64url(json::serialize(claims));
  return text + "." + to_base64url(vault.sign(text, name_of(purpose)));
}

bool is_claims_token(std::string_view text) {
  return text.starts_with("eyJ") && split(text, '.').size() == 3;
}

std::optional<json::object> verified_claims(const store::Vault& vault, Purpose purpose,
                                            std::string_view token, Instant now) {
  if (token.size() > longest_token || !is_claims_token(token)) return std::nullopt;
  const auto parts = split(token, '.');
  // The header is ours word for word: nothing in a token says how it is to be verified.
  if (parts[0] != to_base64url(header)) return std::nullopt;
  const auto signature = from_base64url(parts[2]);
  const std::string_view text = token.substr(0, parts[0].size() + 1 + parts[1].size());
  if (!signature || !vault.is_signed(text, name_of(purpose), *signature)) return std::nullopt;
  const auto payload = from_base64url(parts[1]);
  const auto claims = payload ? parse_json(*payload) : Result<json::value>(json::value());
  if (!claims || !claims->is_object()) return std::nullopt;
  const json::object& object = claims->get_object();
  if (number_at(object, "exp") <= to_milliseconds(now) / 1000) return std::nullopt;
  return object;
}

}  // namespace cupola::auth
