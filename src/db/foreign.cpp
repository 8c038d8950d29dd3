#include "db/foreign.h"

#include <filesystem>

#include "db/address.h"
#include "db/postgres_connection.h"
#include "db/sqlite_connection.h"

namespace cupola::db {

void read_foreign(const std::string& url, const std::function<void(Session&)>& work) {
  const Address address = parse_address(url);
  const bool is_file = address.dialect == Dialect::sqlite;
  // SQLite would make one.
  if (is_file && !std::filesystem::is_regular_file(address.target)) {
    throw Failure("There is no database file " + address.target + ".");
  }
  const auto connection = is_file ? open_sqlite(address.target, SqliteRole::reader)
                                  : open_postgres(address.target, address.description, "");
  connection->begin_read();
  work(*connection);
  connection->rollback();
}

}  // namespace cupola::db
