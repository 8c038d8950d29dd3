#pragma once

/// A fixture whose tests run on each database: SQLite in memory and in a file, and PostgreSQL where
/// CUPOLA_TEST_POSTGRES names one (libpq's URI; `tools/test_postgres start FOLDER` prints one).
///
///   class RunsTest : public testing::EachDatabase {};
///   INSTANTIATE_TEST_SUITE_P(On, RunsTest, testing::databases());
///   TEST_P(RunsTest, DoesWhatItSays) { … *db … }

#include <filesystem>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "db/database.h"

namespace cupola::testing {

enum class DatabaseKind { sqlite_in_memory, sqlite_file, postgres };
void PrintTo(DatabaseKind kind, std::ostream* out);

inline auto databases() {
  return ::testing::Values(DatabaseKind::sqlite_in_memory, DatabaseKind::sqlite_file,
                           DatabaseKind::postgres);
}

/// A place for one database that nobody else has: a folder, or a schema in the PostgreSQL of the
/// environment. Goes with all that is in it.
class DatabasePlace {
 public:
  explicit DatabasePlace(DatabaseKind kind);
  ~DatabasePlace();
  DatabasePlace(const DatabasePlace&) = delete;
  DatabasePlace& operator=(const DatabasePlace&) = delete;

  /// False for PostgreSQL where there is none: then the test is to be skipped.
  static bool is_there(DatabaseKind kind);
  /// For Database::Options. Each opening of the one in memory is a new database.
  const std::string& url() const { return url_; }
  /// On PostgreSQL: the name of the schema, and what its connections call themselves.
  const std::string& schema() const { return schema_; }
  /// The folder; empty for PostgreSQL.
  const std::filesystem::path& folder() const { return folder_; }

 private:
  std::string url_;
  std::filesystem::path folder_;
  std::string schema_;
};

/// Runs statements beside the program, as another client would: on the file or in the schema that
/// `url` names. A fault ends the test program.
void run_sql_beside(const std::string& url, const std::string& sql);

class EachDatabase : public ::testing::TestWithParam<DatabaseKind> {
 protected:
  void SetUp() override;
  void TearDown() override;

  /// Opens the same database once more, as after a restart. Not for the one in memory.
  void reopen();
  bool is_in_memory() const { return GetParam() == DatabaseKind::sqlite_in_memory; }

  std::unique_ptr<DatabasePlace> place;
  std::unique_ptr<db::Database> db;
};

}  // namespace cupola::testing
