#pragma once

/// PostgreSQL: connections that SOCI opens, statements through libpq (why: docs/sql-dialect.md).

#include <memory>
#include <string>

#include "db/connection.h"

namespace cupola::db {

/// Connects to libpq's `uri`. Throws ConnectionLost with the server's words when it cannot;
/// `description` is the address for messages.
std::unique_ptr<Connection> open_postgres(const std::string& uri, const std::string& description);

}  // namespace cupola::db
