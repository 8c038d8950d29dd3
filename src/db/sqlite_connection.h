#pragma once

/// SQLite: connections that SOCI opens, statements through SQLite's own interface (why:
/// docs/sql-dialect.md).

#include <memory>
#include <string>

#include "db/connection.h"

namespace cupola::db {

enum class SqliteRole { writer, reader, both };

/// Opens the file, made (0600) where it is absent; an empty path is a database in memory. Throws
/// Failure: cannot be opened, not writable, no database.
std::unique_ptr<Connection> open_sqlite(const std::string& path, SqliteRole role);

}  // namespace cupola::db
