#pragma once

/// Where a database is: the text of --database, taken apart.

#include <string>
#include <string_view>

#include "db/sql_text.h"

namespace cupola::db {

struct Address {
  Dialect dialect = Dialect::sqlite;
  std::string target;       ///< path of the SQLite file (empty: in memory), or libpq's URI
  std::string description;  ///< for messages: no password in it
};

/// Throws Failure for anything but "sqlite:PATH", "sqlite::memory:" and "postgresql://…".
/// PostgreSQL's URI gets limits on waiting for a server that does not answer, where it has none.
Address parse_address(std::string_view url);

}  // namespace cupola::db
