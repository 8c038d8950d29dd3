#pragma once

/// Brings a database's schema up to date with the migrations built into the program.

#include <cstdint>
#include <string_view>
#include <vector>

#include "db/connection.h"

namespace cupola::db {

/// One file of migrations/.
struct Migration {
  std::int64_t number = 0;
  std::string_view name;  ///< of the file, without ".sql"
  std::string_view sql;
};

/// All of them, by number. Made by CMake from migrations/*.sql.
const std::vector<Migration>& builtin_migrations();

/// Applies those that are missing, all in one transaction, and records each with its checksum.
/// Another server that does the same at that moment is waited for. Throws Failure when the database
/// holds a migration that is not among `migrations` (it is from a newer version) or that was
/// another one then, with what to do; nothing is changed then.
void migrate(Connection& connection, std::string_view description,
             const std::vector<Migration>& migrations);

}  // namespace cupola::db
