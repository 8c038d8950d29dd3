#include "db/database.h"

#include <algorithm>
#include <atomic>

#include "base/check.h"
#include "db/address.h"
#include "db/connection_pool.h"
#include "db/migrations.h"
#include "db/postgres_connection.h"
#include "db/postgres_listener.h"
#include "db/sqlite_connection.h"
#include "db/write_queue.h"

namespace cupola::db {
namespace {

/// The database whose `read` or `write` this thread is in.
thread_local const Database* inside = nullptr;

class Entered {
 public:
  explicit Entered(const Database& database) : before_(inside) {
    CUPOLA_CHECK(inside != &database);
    inside = &database;
  }
  ~Entered() { inside = before_; }
  Entered(const Entered&) = delete;
  Entered& operator=(const Entered&) = delete;

 private:
  const Database* before_;
};

ConnectionPool::Open opener(const Address& address, SqliteRole role, const std::string& origin) {
  return [address, role, origin]() -> std::unique_ptr<Connection> {
    if (address.dialect == Dialect::postgres) {
      return open_postgres(address.target, address.description, origin);
    }
    return open_sqlite(address.target, role);
  };
}

/// Batches that are worked on at once.
int writers_for(Dialect dialect) {
  return dialect == Dialect::postgres ? 2 : 1;
}

class PooledDatabase : public Database {
 public:
  PooledDatabase(Address address, const Database::Options& options)
      : address_(std::move(address)),
        // What is in memory belongs to one connection: all share it, in turn.
        writers_(opener(address_, in_memory() ? SqliteRole::both : SqliteRole::writer, origin_),
                 writers_for(address_.dialect)),
        readers_(opener(address_, SqliteRole::reader, origin_), std::max(options.readers, 1)),
        queue_((migrate_first(), writers_),
               options.writes_inline ? 0 : writers_for(address_.dialect)) {}

  bool is_postgres() const override { return address_.dialect == Dialect::postgres; }
  std::string description() const override { return address_.description; }
  std::uint64_t writes() const override { return writes_; }

  std::unique_ptr<Listener> listen(std::function<void(std::string_view)> heard) override {
    if (!is_postgres()) return nullptr;
    return listen_on_postgres(address_.target, address_.description, origin_, std::move(heard));
  }

 private:
  /// Counts a write when it is over, however it ends, and before its caller knows.
  struct Counted {
    ~Counted() { ++count; }
    std::atomic<std::uint64_t>& count;
  };

  bool in_memory() const { return address_.target.empty(); }

  void migrate_first() {
    const auto connection = writers_.lend();
    migrate(*connection, address_.description, builtin_migrations());
  }

  void run_read(const std::function<void(Session&)>& work) override {
    const Entered entered(*this);
    const auto connection = begin_read();
    work(*connection);
    try {
      connection->commit();
    } catch (const ConnectionLost&) {
      // What was read is known all the same.
    }
  }

  /// A connection that idled may be gone since: then those that idled with it are too.
  ConnectionPool::Lent begin_read() {
    ConnectionPool& pool = in_memory() ? writers_ : readers_;
    for (;;) {
      auto connection = pool.lend();
      try {
        connection->begin_read();
        return connection;
      } catch (const ConnectionLost&) {
        if (!connection.reused()) throw;
      }
    }
  }

  void run_write(const std::function<void(Session&)>& work) override {
    CUPOLA_CHECK(inside != this);
    const Counted counted{writes_};
    queue_.run([&](Session& session) {
      const Entered entered(*this);
      work(session);
    });
  }

  Address address_;
  const std::string origin_ = random_hex(8);  // tells apart what this object told
  ConnectionPool writers_;
  ConnectionPool readers_;
  std::atomic<std::uint64_t> writes_ = 0;
  WriteQueue queue_;
};

}  // namespace

std::unique_ptr<Database> Database::open(const Options& options) {
  return std::make_unique<PooledDatabase>(parse_address(options.url), options);
}

Value to_value(const std::string& text) {
  return text;
}
Value to_value(std::string_view text) {
  return std::string(text);
}
Value to_value(const char* text) {
  return std::string(text);
}
Value to_value(Instant instant) {
  return to_milliseconds(instant);
}
Value to_value(std::chrono::milliseconds span) {
  return std::int64_t{span.count()};
}
Value to_value(bool flag) {
  return std::int64_t{flag ? 1 : 0};
}

}  // namespace cupola::db
