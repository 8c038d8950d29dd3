#pragma once

/// Where writes wait for their turn: what waits at the same time shares one commit.

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "db/connection_pool.h"

namespace cupola::db {

/// Runs writes in the order of their coming, batches of them in one transaction, on `threads` of
/// its own: one where the database has one writer (SQLite), a few where the next batch can be
/// worked on while the one before is being committed (PostgreSQL); with none each runs on its own,
/// on the thread that brings it. When one throws, its batch
/// starts over with a savepoint for each, so that it undoes its own statements only. A batch whose
/// connection is lost before its commit, or whose transaction the database gives up, runs again a
/// few times. When the connection is lost during the commit, the database is asked by the
/// transaction's number what became of it.
class WriteQueue {
 public:
  using Work = std::function<void(Session&)>;

  WriteQueue(ConnectionPool& connections, int threads);
  /// Ends when the last write is done.
  ~WriteQueue();
  WriteQueue(const WriteQueue&) = delete;
  WriteQueue& operator=(const WriteQueue&) = delete;

  /// Returns when the work is durable; throws what it threw, or why it could not be kept.
  void run(const Work& work);

 private:
  struct Job {
    const Work* work;
    std::exception_ptr error;
    bool done = false;
    std::condition_variable finished;
  };
  using Batch = std::vector<Job*>;

  void serve();
  /// Writes what the batch wants, or puts into each of its jobs why not; takes out of it the jobs
  /// that gave up their transaction.
  void keep(Batch& batch);
  void keep_or_tell(Batch& batch);
  void attempt(Batch& batch, bool with_savepoints);
  void settle(const TransactionName& transaction, const ConnectionLost& lost);
  static void attempt_one(Connection& connection, Job& job, bool with_savepoint);

  ConnectionPool& connections_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job*> waiting_;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace cupola::db
