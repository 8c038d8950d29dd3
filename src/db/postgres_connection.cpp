#include "db/postgres_connection.h"

#include <array>
#include <charconv>
#include <set>
#include <vector>

#include <fmt/format.h>
#include <libpq-fe.h>
#include <soci/postgresql/soci-postgresql.h>
#include <soci/soci.h>

#include "base/text.h"
#include "db/statement_cache.h"

namespace cupola::db {
namespace {

struct ResultCloser {
  void operator()(PGresult* result) const { ::PQclear(result); }
};
using ResultPtr = std::unique_ptr<PGresult, ResultCloser>;

struct PostgresStatement {
  SqlText sql;
  std::string name;
  bool in_use = false;
};

/// What an administrator can do about an error, by SQLSTATE (PostgreSQL manual, appendix A).
std::string_view remedy(std::string_view state) {
  if (state == "53100") return "The database's disk is full: make room, then try again.";
  if (state == "25006") return "This server only reads: give the address of the primary.";
  if (state == "42501") return "Give the user rights on the database and its schema.";
  if (state.starts_with("53")) return "The server is out of a resource: look at its log.";
  if (state.starts_with("XX")) return "The database is damaged: look at its log, restore a backup.";
  return "";
}

/// SOCI's own connection. (Its library does not export what the check of types would need.)
[[gnu::no_sanitize("vptr")]] PGconn* handle_of(soci::session& session) {
  return static_cast<soci::postgresql_session_backend*>(session.get_backend())->conn_;
}

class PostgresRow : public Row {
 public:
  explicit PostgresRow(PGresult* result) : result_(result), size_(::PQnfields(result)) {}

  void move_to(int row) { row_ = row; }
  std::size_t size() const override { return static_cast<std::size_t>(size_); }

 protected:
  bool is_null(std::size_t column) const override {
    if (column >= size()) mismatch(column, "there");
    return ::PQgetisnull(result_, row_, static_cast<int>(column)) != 0;
  }
  std::int64_t integer(std::size_t column) const override {
    const std::string_view digits = bytes(column);
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error != std::errc{} || end != digits.data() + digits.size() || !is_number(column)) {
      mismatch(column, "a whole number");
    }
    return number;
  }
  double real(std::size_t column) const override {
    const std::string_view digits = bytes(column);
    double number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error != std::errc{} || !is_number(column)) mismatch(column, "a number");
    return number;
  }
  std::string_view text(std::size_t column) const override {
    const std::string_view result = bytes(column);
    if (is_number(column)) mismatch(column, "a text");
    return result;
  }

 private:
  bool is_number(std::size_t column) const {
    switch (::PQftype(result_, static_cast<int>(column))) {  // pg_type.dat
      case 20:                                               // int8
      case 21:                                               // int2
      case 23:                                               // int4
      case 700:                                              // float4
      case 701:                                              // float8
      case 1700:                                             // numeric, as from sum()
        return true;
      default:
        return false;
    }
  }
  std::string_view bytes(std::size_t column) const {
    if (is_null(column)) mismatch(column, "there (it is NULL)");
    return {::PQgetvalue(result_, row_, static_cast<int>(column)),
            static_cast<std::size_t>(::PQgetlength(result_, row_, static_cast<int>(column)))};
  }
  [[noreturn]] static void mismatch(std::size_t column, std::string_view wanted) {
    throw Failure(fmt::format("The database gave something else in column {}: it is not {}.",
                              column, wanted));
  }

  PGresult* result_;
  int size_;
  int row_ = 0;
};

class PostgresConnection : public Connection {
 public:
  PostgresConnection(const std::string& uri, std::string description, std::string origin)
      : description_(std::move(description)),
        origin_(std::move(origin)),
        session_(open_session(uri, description_)) {
    handle_ = handle_of(session_);
    // What was acknowledged is on disk, also where the server's default says otherwise.
    run_script(
        "SET client_min_messages = warning;"
        // A server that is held up in a transaction must not keep its rows from the others.
        "SET idle_in_transaction_session_timeout = '10s';"
        "SELECT set_config('synchronous_commit', 'on', false)"
        " WHERE current_setting('synchronous_commit') = 'off'");
  }

  std::int64_t execute(std::string_view sql, const Params& params) override {
    const ResultPtr result = run(sql, params);
    const std::string_view count = ::PQcmdTuples(result.get());
    if (::PQresultStatus(result.get()) == PGRES_TUPLES_OK && ::PQnfields(result.get()) > 0 &&
        std::string_view(::PQcmdStatus(result.get())).starts_with("SELECT")) {
      return 0;
    }
    std::int64_t changed = 0;
    std::from_chars(count.data(), count.data() + count.size(), changed);
    return changed;
  }

  void each(std::string_view sql, const Params& params,
            const std::function<bool(const Row&)>& each) override {
    const ResultPtr result = run(sql, params);
    PostgresRow row(result.get());
    for (int i = 0; i < ::PQntuples(result.get()); ++i) {
      row.move_to(i);
      if (!each(row)) return;
    }
  }

  bool is_postgres() const override { return true; }

  void tell(std::string_view topic) override { told_.emplace(topic); }

  void begin_read() override { command("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"); }
  void begin_write() override {
    told_.clear();
    command("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE");
  }
  TransactionName prepare_commit() override {
    // One message for both; the answer to the last statement is the one that comes back.
    std::string script;
    for (const std::string& topic : told_) {
      script += fmt::format("SELECT pg_notify({}, '{} {}');", channel_sql, topic, origin_);
    }
    told_.clear();
    script += "SELECT pg_current_xact_id_if_assigned()";
    const ResultPtr result(::PQexec(handle_, script.c_str()));
    check(result.get(), script);
    if (::PQntuples(result.get()) != 1 || ::PQgetisnull(result.get(), 0, 0) != 0) return {};
    return {.number = ::PQgetvalue(result.get(), 0, 0), .server_process = ::PQbackendPID(handle_)};
  }
  void commit() override {
    const ResultPtr result(::PQexec(handle_, "COMMIT"));
    check(result.get(), "COMMIT");
    // The answer to COMMIT in a transaction that failed is ROLLBACK, and no error.
    if (std::string_view(::PQcmdStatus(result.get())) != "COMMIT") {
      throw Failure("The database " + description_ + " undid a transaction that had failed.");
    }
  }
  void rollback() noexcept override {
    if (in_transaction()) ResultPtr(::PQexec(handle_, "ROLLBACK"));
  }

  TransactionOutcome outcome_of(const TransactionName& transaction) override {
    const auto status = one("SELECT pg_xact_status(CAST(CAST(:number AS text) AS xid8))",
                            [](const Row& row) { return row.get<std::optional<std::string>>(0); },
                            {{"number", transaction.number}});
    if (!status || !*status) {
      throw Failure("The database " + description_ + " no longer knows the transaction " +
                    transaction.number + ".");
    }
    if (**status == "committed") return TransactionOutcome::kept;
    return **status == "aborted" ? TransactionOutcome::undone : TransactionOutcome::going_on;
  }
  void end_process_of(const TransactionName& transaction) override {
    execute("SELECT pg_terminate_backend(CAST(CAST(:process AS bigint) AS integer))",
            {{"process", transaction.server_process}});
  }

  void set_savepoint() override { command("SAVEPOINT one_write"); }
  void release_savepoint() override { command("RELEASE one_write"); }
  void undo_to_savepoint() override { command("ROLLBACK TO one_write; RELEASE one_write"); }

  bool in_transaction() const override {
    const auto status = ::PQtransactionStatus(handle_);
    return status == PQTRANS_INTRANS || status == PQTRANS_INERROR || status == PQTRANS_ACTIVE;
  }
  bool is_usable() const override {
    return !lost_ && ::PQstatus(handle_) == CONNECTION_OK &&
           ::PQtransactionStatus(handle_) == PQTRANS_IDLE;
  }

  void run_script(std::string_view sql) override {
    command(translate_script(sql, Dialect::postgres).c_str());
  }
  void lock_for_migration() override {
    command("SELECT pg_advisory_xact_lock(4851203587217408)");  // a number of our own
  }
  bool has_table(std::string_view name) override {
    // From pg_class, so that a table is locked: without one, a session that waited for another's
    // migration goes on with what it remembered of the catalog.
    return one("SELECT 1 FROM pg_catalog.pg_class WHERE oid = to_regclass(:name)",
               [](const Row&) { return true; }, {{"name", name}})
        .has_value();
  }

 private:
  static soci::session open_session(const std::string& uri, const std::string& description) {
    try {
      return soci::session(soci::postgresql, uri);
    } catch (const soci::soci_error& error) {
      throw ConnectionLost("Cannot reach the database " + description + ": " +
                           std::string(trim(error.get_error_message())) +
                           " Check that the server runs and that --database is right.");
    }
  }

  void command(const char* sql) {
    const ResultPtr result(::PQexec(handle_, sql));
    check(result.get(), sql);
  }

  ResultPtr run(std::string_view sql, const Params& params) {
    const PostgresStatement& statement = prepared(sql);
    check_params(params, statement.sql);
    const std::size_t count = statement.sql.names.size();
    std::vector<const char*> values(count);
    std::vector<std::array<char, 32>> numbers(count);
    for (std::size_t i = 0; i < count; ++i) {
      values[i] = text_of(value_of(params, statement.sql.names[i]), numbers[i]);
    }
    ResultPtr result(::PQexecPrepared(handle_, statement.name.c_str(), static_cast<int>(count),
                                      values.data(), nullptr, nullptr, 0));
    check(result.get(), sql);
    return result;
  }

  static const char* text_of(const Value& value, std::array<char, 32>& buffer) {
    if (const auto* text = std::get_if<std::string>(&value)) return text->c_str();
    if (std::holds_alternative<std::nullptr_t>(value)) return nullptr;
    const auto* integer = std::get_if<std::int64_t>(&value);
    const auto end = integer != nullptr
                         ? std::to_chars(buffer.data(), buffer.data() + buffer.size() - 1, *integer)
                         : std::to_chars(buffer.data(), buffer.data() + buffer.size() - 1,
                                         std::get<double>(value));
    *end.ptr = '\0';
    return buffer.data();
  }

  const PostgresStatement& prepared(std::string_view sql) {
    if (const PostgresStatement* known = statements_.find(sql)) return *known;
    if (statements_.is_full()) {
      command("DEALLOCATE ALL");
      statements_.drop_unused();
    }
    PostgresStatement statement{.sql = translate(sql, Dialect::postgres),
                                .name = fmt::format("s{}", ++prepared_)};
    const ResultPtr result(
        ::PQprepare(handle_, statement.name.c_str(), statement.sql.text.c_str(), 0, nullptr));
    check(result.get(), sql);
    return statements_.keep(sql, std::move(statement));
  }

  void check(const PGresult* result, std::string_view sql) {
    const auto status = ::PQresultStatus(result);
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) return;
    const char* field =
        result == nullptr ? nullptr : ::PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const std::string_view state = field == nullptr ? "" : field;
    const std::string_view words =
        trim(result == nullptr ? ::PQerrorMessage(handle_) : ::PQresultErrorMessage(result));
    // 57P01..03: the server shuts down, crashed, or does not take connections yet. Without a state
    // it is libpq that speaks, mostly of a connection that took no more; PQstatus may not say so
    // yet (after the warning of an immediate shutdown it does not until the next read).
    if (::PQstatus(handle_) != CONNECTION_OK || state.empty() || state.starts_with("57P0")) {
      lost_ = true;
      throw ConnectionLost(
          fmt::format("The connection to the database {} was lost: {}", description_, words));
    }
    const std::string text =
        fmt::format("The database {} refused a statement: {}", description_, words);
    if (state == "40001" || state == "40P01") throw TransactionRefused(text);
    const auto advice = remedy(state);
    throw Failure(advice.empty() ? fmt::format("{} (in {})", text, shown(sql))
                                 : fmt::format("{}. {}", text, advice));
  }

  std::string description_;
  std::string origin_;
  soci::session session_;
  PGconn* handle_ = nullptr;  // the session's own
  bool lost_ = false;
  StatementCache<PostgresStatement> statements_;
  std::int64_t prepared_ = 0;
  std::set<std::string> told_;  // since begin_write
};

}  // namespace

std::unique_ptr<Connection> open_postgres(const std::string& uri, const std::string& description,
                                          const std::string& origin) {
  return std::make_unique<PostgresConnection>(uri, description, origin);
}

}  // namespace cupola::db
