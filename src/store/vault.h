#pragma once

/// The server's key, and sealing with it (libsodium, XChaCha20-Poly1305).

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/secret.h"
#include "db/database.h"

namespace cupola::store {

/// Seals and opens texts. The context (owner, name, version) is bound to the sealed text: opened
/// under another one it is refused. Safe from any thread.
class Vault {
 public:
  /// Reads the key file; makes one (0600) only when the database holds no key id yet. Throws
  /// Failure: not readable, malformed, or not the key whose id stands in the database.
  static Vault open(const std::filesystem::path& key_file, db::Database& database);
  ~Vault();
  Vault(Vault&&) noexcept;
  Vault(const Vault&) = delete;

  std::string seal(const Secret& plain, std::string_view context) const;  ///< base64
  /// Throws Failure when it was not sealed by this key under this context.
  Secret open_sealed(std::string_view sealed, std::string_view context) const;
  /// A name for the key that tells nothing of it: 16 hex digits.
  const std::string& key_id() const;

 private:
  struct Key;
  explicit Vault(std::unique_ptr<Key> key);
  std::unique_ptr<Key> key_;
};

}  // namespace cupola::store
