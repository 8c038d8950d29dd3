#pragma once

/// Keys, the file that holds them, and sealing with one of them (libsodium, XChaCha20-Poly1305).
/// Private: others seal through the Vault.

#include <array>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sodium.h>

#include "base/secret.h"

namespace cupola::store {

struct SealingKey {
  static constexpr std::size_t size = crypto_aead_xchacha20poly1305_ietf_KEYBYTES;

  std::array<unsigned char, size> bytes{};
  std::string id;  ///< 16 hex digits, which tell nothing of it

  SealingKey() = default;
  SealingKey(const SealingKey&) = delete;
  SealingKey& operator=(const SealingKey&) = delete;
  ~SealingKey() { sodium_memzero(bytes.data(), bytes.size()); }
};
/// Shared by the vault and those that seal or open just now, while it takes a new one up.
using KeyRing = std::vector<std::shared_ptr<const SealingKey>>;

/// Throws Failure when the library cannot be set up. Before anything else of this file.
void set_up_sealing();
std::shared_ptr<const SealingKey> new_sealing_key();
/// The one of that id, or null.
std::shared_ptr<const SealingKey> find_key(const KeyRing& keys, std::string_view id);

std::string seal_with(const SealingKey& key, const Secret& plain, std::string_view context);
/// Nothing when it was not sealed with this key under this context.
std::optional<Secret> open_with(const SealingKey& key, std::string_view sealed,
                                std::string_view context);

/// HMAC-SHA-256, by a key that is derived from this one for the purpose.
std::string sign_with(const SealingKey& key, std::string_view text, std::string_view purpose);

/// The keys of the file: one, and while a rotation is not over the next one after it. Nothing when
/// there is no such file. Throws Failure: not readable, damaged.
std::optional<KeyRing> read_key_file(const std::filesystem::path& file);
std::string key_file_text(const KeyRing& keys);
[[noreturn]] void fail_for_key_file(const std::filesystem::path& file, std::string_view why);

}  // namespace cupola::store
