#pragma once

/// A new key for everything that is sealed in the database.

#include <filesystem>
#include <functional>
#include <string>

#include "db/database.h"

namespace cupola::store {

struct KeyRotation {
  std::string from, to;            ///< ids of keys
  std::int64_t values = 0;         ///< how many were sealed anew; 0 when that had been done before
  bool was_open = false;           ///< an earlier one that did not end was brought to its end
  std::filesystem::path old_file;  ///< holds the old key, for backups of the database from before
};

/// Seals everything anew with a new key, in one transaction, beside servers that run or without
/// one. `told` is called in that transaction. Killed at any instant, it leaves a key file that
/// opens all there is; called again it brings that to its end. Throws Failure: the key file is not
/// this user's, cannot be written, is not that of the database; another rotation goes on.
KeyRotation rotate_key(const std::filesystem::path& key_file, db::Database& database,
                       const std::function<void(db::Session&, const KeyRotation&)>& told);

}  // namespace cupola::store
