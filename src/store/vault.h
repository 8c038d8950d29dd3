#pragma once

/// The server's key, and sealing with it.

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/secret.h"
#include "db/database.h"

namespace cupola::store {

/// Seals and opens texts. The context (owner, name, version) is bound to the sealed text: opened
/// under another one it is refused. Safe from any thread. While it lives the key may be rotated
/// (store/key_rotation.h): it takes the new one up from the key file.
class Vault {
 public:
  /// Reads the key file; makes one (0600) only when the database holds no key id yet. Throws
  /// Failure: not readable, malformed, or without the key whose id stands in the database.
  static Vault open(const std::filesystem::path& key_file, db::Database& database);
  ~Vault();
  Vault(Vault&&) noexcept;
  Vault(const Vault&) = delete;

  /// base64. In the transaction that keeps it: sealed is with the key that the database names, and
  /// until the transaction ends that stays the one. Throws Failure when the key file lacks it.
  std::string seal(db::Session& db, const Secret& plain, std::string_view context) const;
  /// HMAC-SHA-256 of the text, 32 bytes, by a key of this purpose alone, derived from the server's.
  std::string sign(std::string_view text, std::string_view purpose) const;
  /// Whether one of the server's keys signed the text for this purpose.
  bool is_signed(std::string_view text, std::string_view purpose, std::string_view signature) const;
  /// Throws Failure when it was not sealed by a key of this server under this context.
  Secret open_sealed(std::string_view sealed, std::string_view context) const;
  /// A name for the key that tells nothing of it: 16 hex digits.
  std::string key_id() const;

 private:
  struct Keys;
  explicit Vault(std::unique_ptr<Keys> keys);
  std::unique_ptr<Keys> keys_;
};

/// The setting that holds the id of the key with which everything in the database is sealed.
inline constexpr std::string_view key_id_setting = "key_id";

}  // namespace cupola::store
