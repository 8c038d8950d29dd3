#include "store/key_rotation.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crash_point.h"
#include "base/file_lock.h"
#include "base/files.h"
#include "store/resealing.h"
#include "store/sealing.h"
#include "store/settings.h"
#include "store/vault.h"

namespace cupola::store {
namespace {

/// A file of another user would become this one's, and its server could read it no more.
void check_owner(const std::filesystem::path& file) {
  struct ::stat status {};
  if (::stat(file.c_str(), &status) != 0 || status.st_uid == ::geteuid()) return;
  fail_for_key_file(
      file, fmt::format("it belongs to the user {}. Run this as that user.", status.st_uid));
}

/// One opens with the old key what the other seals with the new one.
class KeyChange : public Resealing {
 public:
  KeyChange(const SealingKey& from, const SealingKey& to) : from_(from), to_(to) {}

  std::string reseal(std::string_view sealed, std::string_view context) override {
    const auto plain = open_with(from_, sealed, context);
    if (!plain) {
      throw Failure(
          fmt::format("A sealed value ({}) cannot be opened with the key {}: nothing was "
                      "changed. Delete that secret, or mend it, and rotate again.",
                      context, from_.id));
    }
    ++values_;
    return seal_with(to_, *plain, context);
  }
  std::int64_t values() const { return values_; }

 private:
  const SealingKey& from_;
  const SealingKey& to_;
  std::int64_t values_ = 0;
};

std::string locked_key_id(db::Session& db) {
  return db
      .one("SELECT value FROM settings WHERE name = :name /* pg: FOR UPDATE */",
           [](const db::Row& row) { return row.get<std::string>(0); }, {{"name", key_id_setting}})
      .value_or("");
}

}  // namespace

KeyRotation rotate_key(const std::filesystem::path& key_file, db::Database& database,
                       const std::function<void(db::Session&, const KeyRotation&)>& told) {
  check_owner(key_file);
  const Vault vault = Vault::open(key_file, database);
  const auto lock = FileLock::try_take(key_file.string() + ".lock");
  if (!lock) fail_for_key_file(key_file, "another rotation of it goes on. Wait for its end.");
  KeyRing ring = read_key_file(key_file).value_or(KeyRing{});
  const auto kept = database.read([](db::Session& db) { return find_setting(db, key_id_setting); });
  if (ring.empty() || !find_key(ring, kept.value_or(""))) {
    fail_for_key_file(key_file, "it changed just now. Try again.");
  }

  const bool was_open = ring.size() > 1;
  if (!was_open) ring.push_back(new_sealing_key());
  const SealingKey& from = *ring.front();
  const SealingKey& to = *ring.back();
  KeyRotation rotation{.from = from.id,
                       .to = to.id,
                       .was_open = was_open,
                       .old_file = key_file.string() + "." + from.id};
  if (!was_open) write_file(key_file, key_file_text(ring), 0600);
  crash_point("key.next_written");
  if (kept == from.id) {
    rotation.values = database.write([&](db::Session& db) {
      if (locked_key_id(db) != from.id) {
        throw Failure("Another server rotated the key just now: nothing was changed.");
      }
      KeyChange change(from, to);
      reseal_secrets(db, change);
      reseal_notifications(db, change);
      reseal_invitations(db, change);
      put_setting(db, key_id_setting, to.id);
      rotation.values = change.values();
      told(db, rotation);
      crash_point("key.resealing");
      return change.values();
    });
  }
  crash_point("key.resealed");
  write_file(rotation.old_file, key_file_text({ring.front()}), 0600);
  crash_point("key.old_kept");
  write_file(key_file, key_file_text({ring.back()}), 0600);
  crash_point("key.rotated");
  return rotation;
}

}  // namespace cupola::store
