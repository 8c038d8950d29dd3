#pragma once

/// SQLite and PostgreSQL behind one set of words: sessions, typed rows, transactions, one write
/// queue that commits in batches, migrations. Stands on SOCI; no other module includes it.
///
/// Threads: a Database may be used from any thread; a Session only by the function it was handed
/// to. `read` and `write` must not be called inside each other: hand the Session on instead (it is
/// a bug that ends the program, because on some databases it would wait for itself). Every function
/// throws Failure when the database cannot be reached, is full or is broken, with what was tried
/// and the system's words. What differs between the two databases: docs/sql-dialect.md.

#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "base/id.h"
#include "base/outcome.h"
#include "base/time.h"

namespace cupola::db {

/// Never in a Value. libstdc++ takes a variant of the other four for one that always holds a value;
/// when memory for a copied text is not to be had, it destroys what was never made.
struct NoValue {
  NoValue() = delete;
  NoValue(const NoValue&) {}
};

/// What goes in and comes out of a column. Times are milliseconds, enums and JSON are text.
using Value = std::variant<std::nullptr_t, std::int64_t, double, std::string, NoValue>;

Value to_value(const std::string& text);
Value to_value(std::string_view text);
Value to_value(const char* text);
Value to_value(Instant instant);
Value to_value(std::chrono::milliseconds span);
Value to_value(bool flag);
template <std::integral T>
requires(!std::same_as<T, bool>) Value to_value(T number) {
  return static_cast<std::int64_t>(number);
}
inline Value to_value(double number) {
  return number;
}
inline Value to_value(std::nullptr_t) {
  return nullptr;
}
template <typename Tag>
Value to_value(const Id<Tag>& id) {
  return id.text();
}
template <typename T>
Value to_value(const std::optional<T>& value) {
  return value ? to_value(*value) : Value{nullptr};
}

/// A value for the `:name` of a statement.
struct Param {
  template <typename T>
  Param(std::string_view parameter, const T& given) : name(parameter), value(to_value(given)) {}
  std::string_view name;
  Value value;
};
using Params = std::vector<Param>;

/// One row of a result, read by position; good only inside the call it is handed to, as is a
/// std::string_view out of it. A NULL read as anything but std::optional, or a text read as a
/// number, is a Failure.
class Row {
 public:
  virtual ~Row() = default;

  template <typename T>
  T get(std::size_t column) const;
  virtual std::size_t size() const = 0;

 protected:
  virtual bool is_null(std::size_t column) const = 0;
  virtual std::int64_t integer(std::size_t column) const = 0;
  virtual double real(std::size_t column) const = 0;
  virtual std::string_view text(std::size_t column) const = 0;
};

/// A connection, inside a transaction of `Database::read` or `Database::write`.
///
/// Statements are prepared once for each connection and kept. In the SQL text a comment of the
/// form `/* pg: ... */` is SQL on PostgreSQL and stays a comment on SQLite. Each `:name` needs one
/// Param and each Param a `:name`; texts must be UTF-8 without NUL: anything else is a Failure.
class Session {
 public:
  virtual ~Session() = default;

  /// Runs a statement; gives the number of rows it changed.
  virtual std::int64_t execute(std::string_view sql, const Params& params = {}) = 0;

  /// Calls `each` for each row; false from it ends the reading.
  virtual void each(std::string_view sql, const Params& params,
                    const std::function<bool(const Row&)>& each) = 0;

  /// When the transaction is kept, other programs that `listen` hear the topic: a short word of
  /// letters. Does nothing on SQLite, which one program has for itself.
  virtual void tell(std::string_view topic) { static_cast<void>(topic); }

  virtual bool is_postgres() const = 0;

  /// The first row through `convert`, or nothing.
  template <typename F>
  auto one(std::string_view sql, F&& convert, const Params& params = {})
      -> std::optional<std::invoke_result_t<F, const Row&>> {
    std::optional<std::invoke_result_t<F, const Row&>> result;
    each(sql, params, [&](const Row& row) {
      result.emplace(convert(row));
      return false;
    });
    return result;
  }

  /// All rows through `convert`.
  template <typename F>
  auto all(std::string_view sql, F&& convert, const Params& params = {})
      -> std::vector<std::invoke_result_t<F, const Row&>> {
    std::vector<std::invoke_result_t<F, const Row&>> result;
    each(sql, params, [&](const Row& row) {
      result.push_back(convert(row));
      return true;
    });
    return result;
  }
};

/// Hears what other programs tell (`Session::tell`) as long as it lives.
class Listener {
 public:
  virtual ~Listener() = default;
};

/// A database that is open, migrated and has a write queue.
class Database {
 public:
  struct Options {
    /// "sqlite:PATH", "sqlite::memory:" or "postgresql://…" (libpq's URI).
    std::string url;
    /// Connections for reading that may be open at once.
    int readers = 4;
    /// Writes run on the thread that asks for them, one after the other, without a queue: for a
    /// program with one thread whose every step must come in the same order each time.
    bool writes_inline = false;
  };

  /// Opens (an absent SQLite file is made, mode 0600) and brings the schema up to date. Throws
  /// Failure: cannot be reached, not writable, no database, or from a newer version of Cupola.
  static std::unique_ptr<Database> open(const Options& options);
  virtual ~Database() = default;

  /// Runs `work(Session&)` once, on a connection of the pool, in a read-only transaction that sees
  /// one moment. Runs concurrently with writes.
  template <typename F>
  auto read(F&& work) -> std::invoke_result_t<F, Session&> {
    using T = std::invoke_result_t<F, Session&>;
    if constexpr (std::is_void_v<T>) {
      run_read([&](Session& session) { work(session); });
    } else {
      std::optional<T> result;
      run_read([&](Session& session) { result.emplace(work(session)); });
      return std::move(*result);
    }
  }

  /// Runs `work(Session&)` in a transaction of its own outcome and returns when it is durable
  /// (fsynced). Writes of several threads that wait at the same time share one commit; still an
  /// exception out of `work` undoes its own statements only, and comes out here. `work` may run
  /// more than once (when another of its batch threw, after a serialization failure, or after a
  /// lost connection when nothing was kept): it must have no effect outside the database but
  /// through what it returns. A connection that breaks off during the commit is followed by the
  /// question whether that was kept; only when nobody answers it for seconds, a Failure says that
  /// the outcome is not known.
  template <typename F>
  auto write(F&& work) -> std::invoke_result_t<F, Session&> {
    using T = std::invoke_result_t<F, Session&>;
    if constexpr (std::is_void_v<T>) {
      run_write([&](Session& session) { work(session); });
    } else {
      std::optional<T> result;
      run_write([&](Session& session) { result.emplace(work(session)); });
      return std::move(*result);
    }
  }

  /// How many writes went through this object, those that failed too. While it stays the same, only
  /// another process can have changed the database.
  virtual std::uint64_t writes() const = 0;

  /// Calls `heard` with each topic that another program told on this database (and schema), on a
  /// thread of the listener's own, until that is destroyed; what this object's own writes told is
  /// not heard. With an empty topic it says that any may have been told and missed: at first, and
  /// whenever the connection was lost and is back. So what must not be missed is looked for again
  /// now and then as well. Nothing on SQLite. The database must outlive the listener; `heard` must
  /// not throw.
  virtual std::unique_ptr<Listener> listen(std::function<void(std::string_view topic)> heard) {
    static_cast<void>(heard);
    return nullptr;
  }

  virtual bool is_postgres() const = 0;
  /// The address without a password, for messages.
  virtual std::string description() const = 0;

 private:
  virtual void run_read(const std::function<void(Session&)>& work) = 0;
  virtual void run_write(const std::function<void(Session&)>& work) = 0;
};

template <typename T>
T Row::get(std::size_t column) const {
  if constexpr (requires {
                  typename T::value_type;
                  requires std::same_as<T, std::optional<typename T::value_type>>;
                }) {
    if (is_null(column)) return std::nullopt;
    return get<typename T::value_type>(column);
  } else if constexpr (std::same_as<T, bool>) {
    return integer(column) != 0;
  } else if constexpr (std::integral<T>) {
    return static_cast<T>(integer(column));
  } else if constexpr (std::same_as<T, double>) {
    return real(column);
  } else if constexpr (std::same_as<T, Instant>) {
    return from_milliseconds(integer(column));
  } else if constexpr (std::same_as<T, std::chrono::milliseconds>) {
    return std::chrono::milliseconds{integer(column)};
  } else if constexpr (std::same_as<T, std::string_view>) {
    return text(column);
  } else {
    return T{std::string(text(column))};
  }
}

}  // namespace cupola::db
