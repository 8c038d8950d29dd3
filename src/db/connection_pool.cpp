#include "db/connection_pool.h"

namespace cupola::db {

ConnectionPool::Lent::~Lent() {
  if (connection_) pool_->give_back(std::move(connection_));
}

ConnectionPool::Lent ConnectionPool::lend() {
  {
    std::unique_lock lock(mutex_);
    freed_.wait(lock, [&] { return !idle_.empty() || open_count_ < most_; });
    if (!idle_.empty()) {
      auto connection = std::move(idle_.back());
      idle_.pop_back();
      return {*this, std::move(connection), true};
    }
    ++open_count_;
  }
  try {
    return {*this, open_(), false};
  } catch (...) {
    give_back(nullptr);
    throw;
  }
}

void ConnectionPool::give_back(std::unique_ptr<Connection> connection) {
  if (connection) {
    connection->rollback();
    if (!connection->is_usable()) connection.reset();
  }
  {
    const std::scoped_lock lock(mutex_);
    if (connection) {
      idle_.push_back(std::move(connection));
    } else {
      --open_count_;
    }
  }
  freed_.notify_one();
}

}  // namespace cupola::db
