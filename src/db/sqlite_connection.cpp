#include "db/sqlite_connection.h"

#include <cerrno>
#include <chrono>
#include <mutex>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>
#include <unistd.h>

#include "base/files.h"
#include "db/statement_cache.h"

using namespace sqlite_api;  // SOCI includes sqlite3.h inside of it

namespace cupola::db {
namespace {

/// How long a statement waits for a lock that another connection has.
constexpr std::chrono::milliseconds busy_limit{10000};

/// What an administrator can do about an error, by SQLite's code.
std::string_view remedy(int code, int extended) {
  switch (code) {
    case SQLITE_FULL:
      return "The disk is full: make room, then try again.";
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return "Make the file and its folder writable for the user that runs Cupola.";
    case SQLITE_CANTOPEN:
      return "Check that its folder exists and may be written to.";
    case SQLITE_CORRUPT:
      return "The file is damaged: restore a backup.";
    case SQLITE_NOTADB:
      return "This file is no SQLite database: choose another --home, or restore a backup.";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return "Another process holds the file: end it, or try again.";
    case SQLITE_IOERR:
      return extended == SQLITE_IOERR_WRITE || extended == SQLITE_IOERR_FSYNC
                 ? "The disk refuses to write: look at the system's log."
                 : "The disk fails: look at the system's log.";
    default:
      return "";
  }
}

struct StatementCloser {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};

struct SqliteStatement {
  SqlText sql;
  std::unique_ptr<sqlite3_stmt, StatementCloser> handle;
  bool in_use = false;
};

/// SOCI's own connection. (Its library does not export what the check of types would need.)
[[gnu::no_sanitize("vptr")]] sqlite3* handle_of(soci::session& session) {
  return static_cast<soci::sqlite3_session_backend*>(session.get_backend())->conn_;
}

class SqliteRow : public Row {
 public:
  explicit SqliteRow(sqlite3_stmt* statement)
      : statement_(statement), size_(sqlite3_column_count(statement)) {}

  std::size_t size() const override { return static_cast<std::size_t>(size_); }

 protected:
  bool is_null(std::size_t column) const override { return type(column) == SQLITE_NULL; }
  std::int64_t integer(std::size_t column) const override {
    if (type(column) != SQLITE_INTEGER) mismatch(column, "a whole number");
    return sqlite3_column_int64(statement_, static_cast<int>(column));
  }
  double real(std::size_t column) const override {
    const int found = type(column);
    if (found != SQLITE_FLOAT && found != SQLITE_INTEGER) mismatch(column, "a number");
    return sqlite3_column_double(statement_, static_cast<int>(column));
  }
  std::string_view text(std::size_t column) const override {
    if (type(column) != SQLITE_TEXT) mismatch(column, "a text");
    const auto* bytes = sqlite3_column_text(statement_, static_cast<int>(column));
    const auto length = sqlite3_column_bytes(statement_, static_cast<int>(column));
    return {reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(length)};
  }

 private:
  int type(std::size_t column) const {
    if (column >= size()) mismatch(column, "there");
    return sqlite3_column_type(statement_, static_cast<int>(column));
  }
  [[noreturn]] void mismatch(std::size_t column, std::string_view wanted) const {
    throw Failure(fmt::format("The database gave something else in column {}: it is not {} (in {})",
                              column, wanted, shown(sqlite3_sql(statement_))));
  }

  sqlite3_stmt* statement_;
  int size_;
};

/// Resets a statement when the reading of it ends, however it ends.
class InUse {
 public:
  explicit InUse(SqliteStatement& statement) : statement_(statement) { statement_.in_use = true; }
  ~InUse() {
    sqlite3_reset(statement_.handle.get());
    sqlite3_clear_bindings(statement_.handle.get());
    statement_.in_use = false;
  }
  InUse(const InUse&) = delete;
  InUse& operator=(const InUse&) = delete;

 private:
  SqliteStatement& statement_;
};

class SqliteConnection : public Connection {
 public:
  SqliteConnection(const std::string& path, SqliteRole role)
      : description_(path.empty() ? "in memory" : path), session_(open_session(path)) {
    handle_ = handle_of(session_);
    sqlite3_extended_result_codes(handle_, 1);
    sqlite3_busy_timeout(handle_, static_cast<int>(busy_limit.count()));
    run_script("PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF");
    if (!path.empty()) {
      if (role != SqliteRole::reader) use_write_ahead_log();
      run_script("PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864");
      run_script("PRAGMA cache_size = -8192");
    }
    if (role == SqliteRole::reader) run_script("PRAGMA query_only = ON");
  }

  std::int64_t execute(std::string_view sql, const Params& params) override {
    SqliteStatement fresh;
    SqliteStatement& statement = prepared(sql, fresh);
    const InUse use(statement);
    bind(statement, params);
    int code = SQLITE_ROW;
    while (code == SQLITE_ROW) code = sqlite3_step(statement.handle.get());
    if (code != SQLITE_DONE) fail(sql);
    const bool reads = sqlite3_stmt_readonly(statement.handle.get()) != 0;
    return reads ? 0 : sqlite3_changes64(handle_);
  }

  void each(std::string_view sql, const Params& params,
            const std::function<bool(const Row&)>& each) override {
    SqliteStatement fresh;
    SqliteStatement& statement = prepared(sql, fresh);
    const InUse use(statement);
    bind(statement, params);
    const SqliteRow row(statement.handle.get());
    for (;;) {
      const int code = sqlite3_step(statement.handle.get());
      if (code == SQLITE_DONE) return;
      if (code != SQLITE_ROW) fail(sql);
      if (!each(row)) return;
    }
  }

  bool is_postgres() const override { return false; }

  void begin_read() override { execute("BEGIN", {}); }
  // Takes the file's write lock at once: upgrading a reading transaction could fail half way.
  void begin_write() override { execute("BEGIN IMMEDIATE", {}); }
  void commit() override { execute("COMMIT", {}); }
  void rollback() noexcept override {
    if (in_transaction()) sqlite3_exec(handle_, "ROLLBACK", nullptr, nullptr, nullptr);
  }

  void set_savepoint() override { execute("SAVEPOINT one_write", {}); }
  void release_savepoint() override { execute("RELEASE one_write", {}); }
  void undo_to_savepoint() override {
    execute("ROLLBACK TO one_write", {});
    execute("RELEASE one_write", {});
  }

  bool in_transaction() const override { return sqlite3_get_autocommit(handle_) == 0; }
  bool is_usable() const override { return !in_transaction(); }

  void run_script(std::string_view sql) override {
    const std::string text = translate_script(sql, Dialect::sqlite);
    if (sqlite3_exec(handle_, text.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) fail(text);
  }
  void lock_for_migration() override {}  // BEGIN IMMEDIATE has the whole file
  bool has_table(std::string_view name) override {
    return one("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = :name",
               [](const Row&) { return true; }, {{"name", name}})
        .has_value();
  }

 private:
  /// Waits for others that do the same to a new file: SQLite itself would not. A reader that wants
  /// to write is refused at once there, without a call of the busy handler, lest two wait for
  /// each other.
  void use_write_ahead_log() {
    const auto end = std::chrono::steady_clock::now() + busy_limit;
    const char* const sql = "PRAGMA journal_mode = WAL";
    for (;;) {
      const int code = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
      if (code == SQLITE_OK) return;
      if ((code & 0xff) != SQLITE_BUSY || std::chrono::steady_clock::now() >= end) fail(sql);
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }

  static soci::session open_session(const std::string& path) {
    // Each connection is used by one thread at a time, so SQLite needs no locks of its own around
    // each call. It hears that only before its first use.
    static std::once_flag configured;
    std::call_once(configured, [] { sqlite3_config(SQLITE_CONFIG_MULTITHREAD); });
    if (!path.empty()) {
      // Made here, because SQLite would make it readable for all. Never opened when it is there:
      // closing it would take the locks of all of this process's connections from them.
      const Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
      const bool is_there = !file && errno == EEXIST;
      if (!file && (!is_there || ::access(path.c_str(), R_OK | W_OK) != 0)) {
        throw Failure("Cannot open the database " + path + ": " + system_text(errno) +
                      ". Check that its folder exists and that file and folder are writable.");
      }
    }
    try {
      const std::string parameters = "db=\"" + (path.empty() ? ":memory:" : path) + "\"";
      return soci::session(soci::sqlite3, parameters);
    } catch (const soci::soci_error& error) {
      throw Failure("Cannot open the database " + path + ": " + error.get_error_message());
    }
  }

  SqliteStatement& prepared(std::string_view sql, SqliteStatement& fresh) {
    SqliteStatement* known = statements_.find(sql);
    if (known != nullptr && !known->in_use) return *known;
    fresh = prepare(sql);
    // One that is being read further out is left alone: this reading gets a statement of its own.
    if (known != nullptr) return fresh;
    if (statements_.is_full()) statements_.drop_unused();
    return statements_.keep(sql, std::move(fresh));
  }

  SqliteStatement prepare(std::string_view sql) {
    SqliteStatement statement{.sql = translate(sql, Dialect::sqlite), .handle = nullptr};
    sqlite3_stmt* handle = nullptr;
    if (sqlite3_prepare_v3(handle_, statement.sql.text.data(),
                           static_cast<int>(statement.sql.text.size()), SQLITE_PREPARE_PERSISTENT,
                           &handle, nullptr) != SQLITE_OK) {
      fail(sql);
    }
    statement.handle.reset(handle);
    return statement;
  }

  void bind(const SqliteStatement& statement, const Params& params) {
    check_params(params, statement.sql);
    sqlite3_stmt* handle = statement.handle.get();
    int number = 0;
    for (const std::string& name : statement.sql.names) {
      const Value& value = value_of(params, name);
      ++number;
      int code = SQLITE_OK;
      if (const auto* integer = std::get_if<std::int64_t>(&value)) {
        code = sqlite3_bind_int64(handle, number, *integer);
      } else if (const auto* real = std::get_if<double>(&value)) {
        code = sqlite3_bind_double(handle, number, *real);
      } else if (const auto* text = std::get_if<std::string>(&value)) {
        // The caller's values outlive the statement's use.
        code = sqlite3_bind_text64(handle, number, text->data(), text->size(), SQLITE_STATIC,
                                   SQLITE_UTF8);
      } else {
        code = sqlite3_bind_null(handle, number);
      }
      if (code != SQLITE_OK) fail(statement.sql.text);
    }
  }

  [[noreturn]] void fail(std::string_view sql) const {
    const int extended = sqlite3_extended_errcode(handle_);
    const int system = sqlite3_system_errno(handle_);
    const bool io = (extended & 0xff) == SQLITE_IOERR;
    const auto advice = remedy(
        io && (system == ENOSPC || system == EDQUOT) ? SQLITE_FULL : extended & 0xff, extended);
    std::string text = fmt::format("The database {} refused a statement: {}", description_,
                                   sqlite3_errmsg(handle_));
    if (io && system != 0) text += " (" + system_text(system) + ")";
    text += advice.empty() ? fmt::format(" (in {})", shown(sql)) : fmt::format(". {}", advice);
    throw Failure(text);
  }

  std::string description_;
  soci::session session_;
  sqlite3* handle_ = nullptr;  // the session's own
  StatementCache<SqliteStatement> statements_;
};

}  // namespace

std::unique_ptr<Connection> open_sqlite(const std::string& path, SqliteRole role) {
  return std::make_unique<SqliteConnection>(path, role);
}

}  // namespace cupola::db
