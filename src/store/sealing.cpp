#include "store/sealing.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/base64.h"
#include "base/files.h"
#include "base/text.h"

namespace cupola::store {
namespace {

constexpr std::size_t nonce_size = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t tag_size = crypto_aead_xchacha20poly1305_ietf_ABYTES;
constexpr auto base64_variant = sodium_base64_VARIANT_ORIGINAL;
constexpr std::size_t largest_file = 64u << 10;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

unsigned char* bytes_of(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

/// A keyed hash of a fixed text: tells nothing of the key, and is the same for the same key.
std::string id_of(const SealingKey& key) {
  constexpr std::string_view text = "cupola key id";
  std::array<unsigned char, crypto_generichash_BYTES_MIN> hash{};
  crypto_generichash(hash.data(), hash.size(), bytes_of(text), text.size(), key.bytes.data(),
                     key.bytes.size());
  std::string id;
  for (std::size_t i = 0; i < 8; ++i) id += fmt::format("{:02x}", hash[i]);
  return id;
}

/// Null when the text is no key.
std::shared_ptr<const SealingKey> parse_key(std::string_view encoded) {
  auto key = std::make_shared<SealingKey>();
  std::size_t length = 0;
  const bool decoded =
      sodium_base642bin(key->bytes.data(), key->bytes.size(), encoded.data(), encoded.size(),
                        nullptr, &length, nullptr, base64_variant) == 0 &&
      length == key->bytes.size();
  if (!decoded) return nullptr;
  key->id = id_of(*key);
  return key;
}

}  // namespace

void set_up_sealing() {
  if (sodium_init() < 0) throw Failure("The crypto library libsodium cannot be set up.");
}

std::shared_ptr<const SealingKey> new_sealing_key() {
  auto key = std::make_shared<SealingKey>();
  crypto_aead_xchacha20poly1305_ietf_keygen(key->bytes.data());
  key->id = id_of(*key);
  return key;
}

std::shared_ptr<const SealingKey> find_key(const KeyRing& keys, std::string_view id) {
  const auto found =
      std::find_if(keys.begin(), keys.end(), [&](const auto& key) { return key->id == id; });
  return found == keys.end() ? nullptr : *found;
}

std::string sign_with(const SealingKey& key, std::string_view text, std::string_view purpose) {
  std::array<unsigned char, crypto_auth_hmacsha256_KEYBYTES> derived{};
  const std::string context = "cupola signs: " + std::string(purpose);
  crypto_generichash(derived.data(), derived.size(), bytes_of(context), context.size(),
                     key.bytes.data(), key.bytes.size());
  std::string signature(crypto_auth_hmacsha256_BYTES, '\0');
  crypto_auth_hmacsha256(bytes_of(signature), bytes_of(text), text.size(), derived.data());
  sodium_memzero(derived.data(), derived.size());
  return signature;
}

std::string seal_with(const SealingKey& key, const Secret& plain, std::string_view context) {
  const std::string_view text = plain.reveal();
  std::string sealed(nonce_size + text.size() + tag_size, '\0');
  unsigned char* nonce = bytes_of(sealed);
  randombytes_buf(nonce, nonce_size);
  crypto_aead_xchacha20poly1305_ietf_encrypt(nonce + nonce_size, nullptr, bytes_of(text),
                                             text.size(), bytes_of(context), context.size(),
                                             nullptr, nonce, key.bytes.data());
  return to_base64(sealed);
}

std::optional<Secret> open_with(const SealingKey& key, std::string_view sealed,
                                std::string_view context) {
  std::string raw(sealed.size(), '\0');
  std::size_t length = 0;
  const bool decoded = sodium_base642bin(bytes_of(raw), raw.size(), sealed.data(), sealed.size(),
                                         nullptr, &length, nullptr, base64_variant) == 0 &&
                       length >= nonce_size + tag_size;
  if (!decoded) return std::nullopt;
  std::string plain(length - nonce_size - tag_size, '\0');
  const unsigned char* nonce = bytes_of(raw);
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(
          bytes_of(plain), nullptr, nullptr, nonce + nonce_size, length - nonce_size,
          bytes_of(context), context.size(), nonce, key.bytes.data()) != 0) {
    return std::nullopt;
  }
  return Secret(std::move(plain));
}

std::optional<KeyRing> read_key_file(const std::filesystem::path& file) {
  const auto text = read_file(file, largest_file);
  if (!text) {
    if (text.error().kind == Error::Kind::not_found) return std::nullopt;
    fail_for_key_file(file, to_text(text.error()));
  }
  KeyRing keys;
  std::string_view id;
  bool is_whole = true;
  for (const std::string_view line : split(*text, '\n')) {
    if (line.starts_with("id ")) id = trim(line.substr(3));
    if (!line.starts_with("key ")) continue;
    auto key = parse_key(trim(line.substr(4)));
    is_whole = is_whole && key != nullptr && key->id == id;
    keys.push_back(std::move(key));
  }
  if (keys.empty() || !is_whole) {
    fail_for_key_file(file, "it is damaged or no key file. Restore it from a backup.");
  }
  return keys;
}

std::string key_file_text(const KeyRing& keys) {
  std::string text =
      "# Cupola's key: secrets in the database are sealed with it. Without it they are lost, so "
      "keep a copy,\n# apart from copies of the database.\n";
  if (keys.size() > 1) {
    text += "# A rotation from the first to the second is not over: `cupola admin rotate-key`.\n";
  }
  for (const auto& key : keys) {
    const std::string_view raw(reinterpret_cast<const char*>(key->bytes.data()), key->bytes.size());
    text += fmt::format("id {}\nkey {}\n", key->id, to_base64(raw));
  }
  return text;
}

void fail_for_key_file(const std::filesystem::path& file, std::string_view why) {
  throw Failure(fmt::format("Cannot use the key file {}: {}", file.string(), why));
}

}  // namespace cupola::store
