#include "store/vault.h"

#include <cerrno>
#include <mutex>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crash_point.h"
#include "base/digest.h"
#include "base/files.h"
#include "base/log.h"
#include "store/sealing.h"
#include "store/settings.h"

namespace cupola::store {
namespace {

/// A new key in a new file, or the keys of another server that made the shared file meanwhile.
KeyRing make_key_file(const std::filesystem::path& file) {
  const KeyRing made{new_sealing_key()};
  const std::filesystem::path own = file.string() + "." + random_hex(8) + ".new";
  write_file(own, key_file_text(made), 0600);
  // A link, unlike a rename, takes no file's place.
  const int failed = ::link(own.c_str(), file.c_str()) == 0 ? 0 : errno;
  crash_point("key.linked");
  ::unlink(own.c_str());
  if (failed == 0) return made;
  auto others = failed == EEXIST ? read_key_file(file) : std::nullopt;
  if (!others) fail_for_key_file(file, "it cannot be made: " + system_text(failed));
  return *std::move(others);
}

void warn_if_others_can_read(const std::filesystem::path& file) {
  struct ::stat status {};
  if (::stat(file.c_str(), &status) == 0 && (status.st_mode & 077) != 0) {
    log_warning("the key file {} can be read by others: run chmod 600 on it", file.string());
  }
}

std::optional<std::string> kept_key_id(db::Database& database) {
  return database.read([](db::Session& db) { return find_setting(db, key_id_setting); });
}

/// Gives the id that stands in the database after: another server may have been first.
std::string keep_key_id(db::Database& database, const std::string& id) {
  database.write([&](db::Session& db) {
    db.execute("INSERT INTO settings (name, value) VALUES (:name, :id) ON CONFLICT DO NOTHING",
               {{"name", key_id_setting}, {"id", id}});
  });
  return kept_key_id(database).value_or(id);
}

}  // namespace

/// Grows when the key is rotated: what was read before that is still opened with the old one.
struct Vault::Keys {
  std::filesystem::path file;
  std::mutex mutex;
  KeyRing ring;         ///< guarded
  std::string current;  ///< guarded

  KeyRing all() {
    const std::lock_guard lock(mutex);
    return ring;
  }

  std::shared_ptr<const SealingKey> find(std::string_view id) {
    const std::lock_guard lock(mutex);
    auto found = find_key(ring, id);
    if (found) current = id;
    return found;
  }

  /// Takes up what the file holds now. Whether there was something new.
  bool look_again() {
    const auto read = read_key_file(file);
    const std::lock_guard lock(mutex);
    const std::size_t before = ring.size();
    for (const auto& key : read.value_or(KeyRing{})) {
      if (!find_key(ring, key->id)) ring.push_back(key);
    }
    return ring.size() > before;
  }
};

Vault::Vault(std::unique_ptr<Keys> keys) : keys_(std::move(keys)) {}
Vault::~Vault() = default;
Vault::Vault(Vault&&) noexcept = default;

Vault Vault::open(const std::filesystem::path& key_file, db::Database& database) {
  set_up_sealing();
  auto kept = kept_key_id(database);
  auto keys = std::make_unique<Keys>();
  keys->file = key_file;
  if (auto ring = read_key_file(key_file)) {
    keys->ring = *std::move(ring);
    warn_if_others_can_read(key_file);
  } else if (kept) {
    fail_for_key_file(key_file,
                      fmt::format("it is not there, but the database's secrets are sealed with the "
                                  "key {}. Put that key file back.",
                                  *kept));
  } else {
    keys->ring = make_key_file(key_file);
    crash_point("key.written");
  }
  if (!kept) kept = keep_key_id(database, keys->ring.front()->id);
  crash_point("key.kept");
  if (!keys->find(*kept)) {
    fail_for_key_file(key_file,
                      fmt::format("it holds the key {}, but the database's secrets are sealed with "
                                  "the key {}. Give the key file that belongs to this database.",
                                  keys->ring.front()->id, *kept));
  }
  return Vault(std::move(keys));
}

std::string Vault::seal(db::Session& db, const Secret& plain, std::string_view context) const {
  const auto id =
      db.one("SELECT value FROM settings WHERE name = :name /* pg: FOR SHARE */",
             [](const db::Row& row) { return row.get<std::string>(0); }, {{"name", key_id_setting}})
          .value_or("");
  auto key = keys_->find(id);
  if (!key && keys_->look_again()) key = keys_->find(id);
  if (!key) {
    fail_for_key_file(keys_->file,
                      fmt::format("the database's secrets are sealed with the key {} now, which it "
                                  "does not hold. Copy the key file of the server on which the "
                                  "key was rotated.",
                                  id));
  }
  return seal_with(*key, plain, context);
}

Secret Vault::open_sealed(std::string_view sealed, std::string_view context) const {
  do {
    const KeyRing ring = keys_->all();
    for (auto key = ring.rbegin(); key != ring.rend(); ++key) {
      if (auto opened = open_with(**key, sealed, context)) return *std::move(opened);
    }
  } while (keys_->look_again());
  throw Failure(
      fmt::format("A sealed value ({}) cannot be opened with the key {}: it was changed, or "
                  "sealed with another key or for another place.",
                  context, key_id()));
}

std::string Vault::sign(std::string_view text, std::string_view purpose) const {
  const auto key = find_key(keys_->all(), key_id());
  if (!key) throw Failure("The server's key is not there any more.");
  return sign_with(*key, text, purpose);
}

bool Vault::is_signed(std::string_view text, std::string_view purpose,
                      std::string_view signature) const {
  do {
    for (const auto& key : keys_->all()) {
      if (equal_in_constant_time(sign_with(*key, text, purpose), signature)) return true;
    }
  } while (keys_->look_again());
  return false;
}

std::string Vault::key_id() const {
  const std::lock_guard lock(keys_->mutex);
  return keys_->current;
}

}  // namespace cupola::store
