#include "store/vault.h"

#include <array>
#include <cerrno>
#include <filesystem>

#include <fmt/format.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/crash_point.h"
#include "base/files.h"
#include "base/log.h"
#include "base/text.h"

namespace cupola::store {
namespace {

constexpr std::size_t key_size = crypto_aead_xchacha20poly1305_ietf_KEYBYTES;
constexpr std::size_t nonce_size = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t tag_size = crypto_aead_xchacha20poly1305_ietf_ABYTES;
constexpr auto base64_variant = sodium_base64_VARIANT_ORIGINAL;

using KeyBytes = std::array<unsigned char, key_size>;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

unsigned char* bytes_of(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

/// A keyed hash of a fixed text: tells nothing of the key, and is the same for the same key.
std::string id_of(const KeyBytes& key) {
  constexpr std::string_view text = "cupola key id";
  std::array<unsigned char, crypto_generichash_BYTES_MIN> hash{};
  crypto_generichash(hash.data(), hash.size(), bytes_of(text), text.size(), key.data(), key.size());
  std::string id;
  for (std::size_t i = 0; i < 8; ++i) id += fmt::format("{:02x}", hash[i]);
  return id;
}

std::string key_file_text(const KeyBytes& key) {
  const std::string_view raw(reinterpret_cast<const char*>(key.data()), key.size());
  return fmt::format(
      "# Cupola's key: secrets in the database are sealed with it. Without it they are lost, so "
      "keep "
      "a copy,\n# apart from copies of the database.\nid {}\nkey {}\n",
      id_of(key), to_base64(raw));
}

[[noreturn]] void fail(const std::filesystem::path& file, std::string_view why) {
  throw Failure(fmt::format("Cannot use the key file {}: {}", file.string(), why));
}

KeyBytes parse_key_file(const std::filesystem::path& file, std::string_view text) {
  KeyBytes key{};
  std::string_view id;
  bool found = false;
  for (const std::string_view line : split(text, '\n')) {
    if (line.starts_with("id ")) id = trim(line.substr(3));
    if (!line.starts_with("key ")) continue;
    const std::string_view encoded = trim(line.substr(4));
    std::size_t length = 0;
    found = sodium_base642bin(key.data(), key.size(), encoded.data(), encoded.size(), nullptr,
                              &length, nullptr, base64_variant) == 0 &&
            length == key.size();
  }
  if (!found || id_of(key) != id) {
    fail(file, "it is damaged or no key file. Restore it from a backup.");
  }
  return key;
}

/// A new key in a new file, or the key of another server that made the shared file meanwhile.
KeyBytes make_key_file(const std::filesystem::path& file) {
  KeyBytes key{};
  crypto_aead_xchacha20poly1305_ietf_keygen(key.data());
  const std::filesystem::path own = file.string() + "." + random_hex(8) + ".new";
  write_file(own, key_file_text(key), 0600);
  // A link, unlike a rename, takes no file's place.
  const int failed = ::link(own.c_str(), file.c_str()) == 0 ? 0 : errno;
  crash_point("key.linked");
  ::unlink(own.c_str());
  if (failed == 0) return key;
  const auto text = read_file(file, 64 * 1024);
  if (failed != EEXIST || !text) fail(file, "it cannot be made: " + system_text(failed));
  return parse_key_file(file, *text);
}

void warn_if_others_can_read(const std::filesystem::path& file) {
  struct ::stat status {};
  if (::stat(file.c_str(), &status) == 0 && (status.st_mode & 077) != 0) {
    log_warning("the key file {} can be read by others: run chmod 600 on it", file.string());
  }
}

std::optional<std::string> kept_key_id(db::Database& database) {
  return database.read([](db::Session& db) {
    return db.one("SELECT value FROM settings WHERE name = 'key_id'",
                  [](const db::Row& row) { return row.get<std::string>(0); });
  });
}

/// Gives the id that stands in the database after: another server may have been first.
std::string keep_key_id(db::Database& database, const std::string& id) {
  database.write([&](db::Session& db) {
    db.execute("INSERT INTO settings (name, value) VALUES ('key_id', :id) ON CONFLICT DO NOTHING",
               {{"id", id}});
  });
  return kept_key_id(database).value_or(id);
}

}  // namespace

struct Vault::Key {
  KeyBytes bytes{};
  std::string id;
  ~Key() { sodium_memzero(bytes.data(), bytes.size()); }
};

Vault::Vault(std::unique_ptr<Key> key) : key_(std::move(key)) {}
Vault::~Vault() = default;
Vault::Vault(Vault&&) noexcept = default;

Vault Vault::open(const std::filesystem::path& key_file, db::Database& database) {
  if (sodium_init() < 0) throw Failure("The crypto library libsodium cannot be set up.");
  auto kept = kept_key_id(database);
  auto key = std::make_unique<Key>();
  const auto text = read_file(key_file, 64 * 1024);
  if (text) {
    key->bytes = parse_key_file(key_file, *text);
    warn_if_others_can_read(key_file);
  } else if (text.error().kind != Error::Kind::not_found) {
    fail(key_file, to_text(text.error()));
  } else if (kept) {
    fail(key_file,
         fmt::format("it is not there, but the database's secrets are sealed with the key "
                     "{}. Put that key file back.",
                     *kept));
  } else {
    key->bytes = make_key_file(key_file);
    crash_point("key.written");
  }
  key->id = id_of(key->bytes);
  if (!kept) kept = keep_key_id(database, key->id);
  crash_point("key.kept");
  if (*kept != key->id) {
    fail(key_file,
         fmt::format("it holds the key {}, but the database's secrets are sealed with the "
                     "key {}. Give the key file that belongs to this database.",
                     key->id, *kept));
  }
  return Vault(std::move(key));
}

std::string Vault::seal(const Secret& plain, std::string_view context) const {
  const std::string_view text = plain.reveal();
  std::string sealed(nonce_size + text.size() + tag_size, '\0');
  unsigned char* nonce = bytes_of(sealed);
  randombytes_buf(nonce, nonce_size);
  crypto_aead_xchacha20poly1305_ietf_encrypt(nonce + nonce_size, nullptr, bytes_of(text),
                                             text.size(), bytes_of(context), context.size(),
                                             nullptr, nonce, key_->bytes.data());
  return to_base64(sealed);
}

Secret Vault::open_sealed(std::string_view sealed, std::string_view context) const {
  std::string raw(sealed.size(), '\0');
  std::size_t length = 0;
  const bool decoded = sodium_base642bin(bytes_of(raw), raw.size(), sealed.data(), sealed.size(),
                                         nullptr, &length, nullptr, base64_variant) == 0 &&
                       length >= nonce_size + tag_size;
  if (decoded) {
    std::string plain(length - nonce_size - tag_size, '\0');
    const unsigned char* nonce = bytes_of(raw);
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(
            bytes_of(plain), nullptr, nullptr, nonce + nonce_size, length - nonce_size,
            bytes_of(context), context.size(), nonce, key_->bytes.data()) == 0) {
      return Secret(std::move(plain));
    }
  }
  throw Failure(
      fmt::format("A sealed value ({}) cannot be opened with the key {}: it was changed, or "
                  "sealed with another key or for another place.",
                  context, key_->id));
}

const std::string& Vault::key_id() const {
  return key_->id;
}

}  // namespace cupola::store
