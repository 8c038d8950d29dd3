#pragma once

/// Connections that are lent to one user at a time.

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "db/connection.h"

namespace cupola::db {

/// Safe from any thread. Opens connections when they are first needed, `most` at once; those that
/// come back broken are closed.
class ConnectionPool {
 public:
  using Open = std::function<std::unique_ptr<Connection>()>;

  ConnectionPool(Open open, int most) : open_(std::move(open)), most_(most) {}

  /// A connection for as long as this lives. It rolls back what was not committed.
  class Lent {
   public:
    Lent(ConnectionPool& pool, std::unique_ptr<Connection> connection, bool reused)
        : pool_(&pool), connection_(std::move(connection)), reused_(reused) {}
    Lent(Lent&&) noexcept = default;
    Lent& operator=(Lent&&) = delete;
    ~Lent();

    Connection& operator*() const { return *connection_; }
    Connection* operator->() const { return connection_.get(); }
    /// Whether it was used before: then it may turn out to be gone meanwhile.
    bool reused() const { return reused_; }

   private:
    ConnectionPool* pool_;
    std::unique_ptr<Connection> connection_;
    bool reused_;
  };

  /// Waits until one is free. Throws what opening throws.
  Lent lend();

 private:
  void give_back(std::unique_ptr<Connection> connection);

  Open open_;
  int most_;
  std::mutex mutex_;
  std::condition_variable freed_;
  int open_count_ = 0;  // lent or idle
  std::vector<std::unique_ptr<Connection>> idle_;
};

}  // namespace cupola::db
