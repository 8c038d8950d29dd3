#include "db/migrations.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/crash_point.h"
#include "base/digest.h"

namespace cupola::db {
namespace {

struct Applied {
  std::int64_t number;
  std::string name;
  std::string checksum;
};

std::vector<Applied> read_applied(Connection& connection) {
  if (!connection.has_table("schema_migrations")) return {};
  return connection.all(
      "SELECT number, name, checksum FROM schema_migrations ORDER BY number", [](const Row& row) {
        return Applied{row.get<std::int64_t>(0), row.get<std::string>(1), row.get<std::string>(2)};
      });
}

void check_known(const std::vector<Applied>& applied, std::string_view description,
                 const std::vector<Migration>& migrations) {
  for (const Applied& old : applied) {
    const auto known =
        std::find_if(migrations.begin(), migrations.end(),
                     [&](const Migration& migration) { return migration.number == old.number; });
    if (known == migrations.end()) {
      throw Failure(fmt::format(
          "The database {} is from a newer version of Cupola: it has the migration {}, this "
          "program "
          "knows those up to {}. Start that newer version, or restore a backup made before it ran.",
          description, old.name, migrations.empty() ? 0 : migrations.back().number));
    }
    if (sha256_hex(known->sql) != old.checksum) {
      throw Failure(fmt::format(
          "The database {} was made by another build of Cupola: its migration {} was not the one "
          "of "
          "this program. Start that other build, or choose another --home or --database.",
          description, old.name));
    }
  }
}

void apply(Connection& connection, std::string_view description, const Migration& migration) {
  try {
    connection.run_script(migration.sql);
  } catch (const ConnectionLost&) {
    throw;
  } catch (const Failure& failure) {
    throw Failure(fmt::format("Cannot apply the migration {} to the database {}: {}",
                              migration.name, description, failure.what()));
  }
  connection.execute(
      "INSERT INTO schema_migrations (number, name, checksum, applied_at)"
      " VALUES (:number, :name, :checksum, :now)",
      {{"number", migration.number},
       {"name", migration.name},
       {"checksum", sha256_hex(migration.sql)},
       {"now", SystemClock().now()}});
  crash_point("migration.applied");
}

}  // namespace

void migrate(Connection& connection, std::string_view description,
             const std::vector<Migration>& migrations) {
  connection.begin_read();
  const auto before = read_applied(connection);
  connection.commit();
  check_known(before, description, migrations);
  if (before.size() == migrations.size()) return;

  connection.begin_write();
  try {
    connection.lock_for_migration();
    crash_point("migration.locked");
    const auto applied = read_applied(connection);  // another server may have been first
    check_known(applied, description, migrations);
    connection.run_script(
        "CREATE TABLE IF NOT EXISTS schema_migrations (number bigint NOT NULL PRIMARY KEY,"
        " name text NOT NULL, checksum text NOT NULL, applied_at bigint NOT NULL)");
    for (const Migration& migration : migrations) {
      const bool done = std::any_of(applied.begin(), applied.end(), [&](const Applied& old) {
        return old.number == migration.number;
      });
      if (!done) apply(connection, description, migration);
    }
    crash_point("migration.committing");
    connection.commit();
    crash_point("migration.committed");
  } catch (...) {
    connection.rollback();
    throw;
  }
}

}  // namespace cupola::db
