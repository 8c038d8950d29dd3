#include "testing/databases.h"

#include <cstdio>
#include <cstdlib>

#include <libpq-fe.h>
#include <sqlite3.h>

#include "base/files.h"
#include "base/id.h"

namespace cupola::testing {
namespace {

std::string postgres_url() {
  const char* url = std::getenv("CUPOLA_TEST_POSTGRES");
  return url == nullptr ? "" : url;
}

[[noreturn]] void end_program(const std::string& what) {
  std::fprintf(stderr, "tests: %s\n", what.c_str());
  std::abort();
}

void run_on_postgres(const std::string& url, const std::string& sql) {
  PGconn* connection = ::PQconnectdb(url.c_str());
  PGresult* result = ::PQexec(connection, sql.c_str());
  const auto status = ::PQresultStatus(result);
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
    end_program(sql + ": " + ::PQerrorMessage(connection));
  }
  ::PQclear(result);
  ::PQfinish(connection);
}

void run_on_sqlite(const std::string& path, const std::string& sql) {
  sqlite3* connection = nullptr;
  if (::sqlite3_open(path.c_str(), &connection) != SQLITE_OK ||
      ::sqlite3_exec(connection, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    end_program(sql + ": " + ::sqlite3_errmsg(connection));
  }
  ::sqlite3_close(connection);
}

}  // namespace

void PrintTo(DatabaseKind kind, std::ostream* out) {
  switch (kind) {
    case DatabaseKind::sqlite_in_memory:
      *out << "SQLite in memory";
      break;
    case DatabaseKind::sqlite_file:
      *out << "SQLite in a file";
      break;
    case DatabaseKind::postgres:
      *out << "PostgreSQL";
      break;
  }
}

bool DatabasePlace::is_there(DatabaseKind kind) {
  return kind != DatabaseKind::postgres || !postgres_url().empty();
}

DatabasePlace::DatabasePlace(DatabaseKind kind) {
  switch (kind) {
    case DatabaseKind::sqlite_in_memory:
      url_ = "sqlite::memory:";
      [[fallthrough]];
    case DatabaseKind::sqlite_file:
      folder_ = std::filesystem::temp_directory_path() / ("cupola-test-" + random_hex(8));
      make_folder(folder_, 0700);
      if (url_.empty()) url_ = "sqlite:" + (folder_ / "cupola.db").string();
      break;
    case DatabaseKind::postgres: {
      const std::string base = postgres_url();
      schema_ = "cupola_test_" + random_hex(8);
      run_on_postgres(base, "CREATE SCHEMA " + schema_);
      url_ = base + (base.find('?') == std::string::npos ? '?' : '&') +
             "application_name=" + schema_ + "&options=-csearch_path%3D" + schema_;
      break;
    }
  }
}

DatabasePlace::~DatabasePlace() {
  if (!folder_.empty()) remove_tree(folder_);
  if (!schema_.empty()) {
    run_on_postgres(postgres_url(),
                    "SET client_min_messages = warning; DROP SCHEMA " + schema_ + " CASCADE");
  }
}

void run_sql_beside(const std::string& url, const std::string& sql) {
  constexpr std::string_view sqlite = "sqlite:";
  if (url.starts_with(sqlite)) {
    run_on_sqlite(url.substr(sqlite.size()), sql);
  } else {
    run_on_postgres(url, sql);
  }
}

void EachDatabase::SetUp() {
  if (!DatabasePlace::is_there(GetParam())) {
    GTEST_SKIP() << "CUPOLA_TEST_POSTGRES names no PostgreSQL";
  }
  place = std::make_unique<DatabasePlace>(GetParam());
  reopen();
}

void EachDatabase::TearDown() {
  db.reset();
  place.reset();
}

void EachDatabase::reopen() {
  db.reset();
  db = db::Database::open({.url = place->url()});
}

}  // namespace cupola::testing
