#pragma once

/// PostgreSQL: connections that SOCI opens, statements through libpq (why: docs/sql-dialect.md).

#include <memory>
#include <string>

#include "db/connection.h"

namespace cupola::db {

/// The channel of what is told: each schema has its own, since one database may hold several
/// Cupolas. An expression of SQL.
inline constexpr const char* channel_sql = "'cupola_' || md5(coalesce(current_schema(), ''))";

/// Connects to libpq's `uri`. Throws ConnectionLost with the server's words when it cannot;
/// `description` is the address for messages. `origin` (hex digits) goes with what its writes tell.
std::unique_ptr<Connection> open_postgres(const std::string& uri, const std::string& description,
                                          const std::string& origin);

}  // namespace cupola::db
