#include "db/write_queue.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include <pthread.h>

#include "base/crash_point.h"

namespace cupola::db {
namespace {

constexpr std::size_t largest_batch = 500;
constexpr int most_tries = 5;
/// Some six seconds of asking what became of a transaction, the first two of them without ending
/// the process that still works on it.
constexpr int most_questions = 7;
constexpr int patient_questions = 6;

/// After a batch of several, the next waits this long at most until as many have come again: those
/// whose writes just ended are about to bring their next ones, and a commit costs several times it.
constexpr std::chrono::microseconds gathering{150};

/// A job took the whole transaction with it: the others of its batch start over without it.
struct BatchUndone {};

/// A job threw, and its batch has no savepoint to go back to.
struct SavepointsNeeded {};

/// Time for a database that restarts, or for another's transaction that was in the way.
void pause_before(int try_number) {
  std::this_thread::sleep_for(std::chrono::milliseconds{25} * (1 << try_number));
}

}  // namespace

WriteQueue::WriteQueue(ConnectionPool& connections, int threads) : connections_(connections) {
  for (int i = 0; i < threads; ++i) {
    threads_.emplace_back([this] { serve(); });
    ::pthread_setname_np(threads_.back().native_handle(), "db-writer");
  }
}

WriteQueue::~WriteQueue() {
  {
    const std::scoped_lock lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  for (auto& thread : threads_) thread.join();
}

void WriteQueue::run(const Work& work) {
  Job job{.work = &work};
  std::unique_lock lock(mutex_);
  if (threads_.empty()) {
    Batch alone{&job};
    keep(alone);
    if (job.error) std::rethrow_exception(job.error);
    return;
  }
  waiting_.push_back(&job);
  changed_.notify_one();
  job.finished.wait(lock, [&] { return job.done; });
  if (job.error) std::rethrow_exception(job.error);
}

void WriteQueue::serve() {
  std::size_t last = 0;
  // Made once, so that taking jobs and telling them needs no memory.
  Batch batch;
  Batch left;
  batch.reserve(largest_batch);
  left.reserve(largest_batch);
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return ending_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      if (last > 1) {
        changed_.wait_for(lock, gathering, [&] { return ending_ || waiting_.size() >= last; });
        if (waiting_.empty()) continue;  // another thread took them
      }
      const auto count = std::min(waiting_.size(), largest_batch);
      const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(count);
      batch.assign(waiting_.begin(), end);
      waiting_.erase(waiting_.begin(), end);
    }
    last = batch.size();
    left.assign(batch.begin(), batch.end());
    keep_or_tell(left);
    // Told under the lock: a job is gone as soon as its owner sees that it is done.
    const std::scoped_lock lock(mutex_);
    for (Job* job : batch) {
      job->done = true;
      job->finished.notify_one();
    }
  }
}

void WriteQueue::keep_or_tell(Batch& batch) {
  try {
    keep(batch);
  } catch (...) {  // no memory in the middle of handling a failure
    for (Job* job : batch) {
      if (!job->error) job->error = std::current_exception();
    }
  }
}

void WriteQueue::keep(Batch& batch) {
  bool with_savepoints = false;
  for (int tries = 1; !batch.empty();) {
    try {
      attempt(batch, with_savepoints);
      return;
    } catch (const BatchUndone&) {
      continue;
    } catch (const SavepointsNeeded&) {
      with_savepoints = true;
      continue;
    } catch (const TransactionRefused&) {
      // Alone each holds fewer locks that another server may want in another order.
      if (batch.size() > 1) {
        for (Job* job : batch) {
          Batch alone{job};
          keep(alone);
        }
        return;
      }
      if (++tries > most_tries) {
        batch.front()->error = std::current_exception();
        return;
      }
    } catch (const ConnectionLost&) {
      if (++tries > most_tries) {
        for (Job* job : batch) job->error = std::current_exception();
        return;
      }
    } catch (...) {
      for (Job* job : batch) {
        if (!job->error) job->error = std::current_exception();
      }
      return;
    }
    pause_before(tries);
  }
}

void WriteQueue::attempt(Batch& batch, bool with_savepoints) {
  // Given back before the database is asked: the question needs another one.
  std::optional<ConnectionPool::Lent> lent(connections_.lend());
  Connection& connection = **lent;
  for (Job* job : batch) job->error = nullptr;
  connection.begin_write();
  for (Job* job : batch) {
    attempt_one(connection, *job, with_savepoints);
    if (!job->error) continue;
    if (batch.size() == 1) return;  // the connection rolls back when it is given back
    if (!with_savepoints) throw SavepointsNeeded{};
    if (!connection.in_transaction()) {
      std::erase(batch, job);
      throw BatchUndone{};
    }
  }
  const TransactionName transaction = connection.prepare_commit();
  try {
    crash_point("write.committing");
    connection.commit();
    crash_point("write.committed");
  } catch (const ConnectionLost& lost) {
    lent.reset();
    if (!transaction.number.empty()) settle(transaction, lost);
  }
}

/// Returns when the transaction was kept, throws ConnectionLost when nothing of it was.
void WriteQueue::settle(const TransactionName& transaction, const ConnectionLost& lost) {
  std::string why = lost.what();
  for (int tries = 1; tries <= most_questions; ++tries) {
    auto outcome = TransactionOutcome::going_on;
    try {
      const auto connection = connections_.lend();
      connection->begin_read();
      outcome = connection->outcome_of(transaction);
      if (outcome == TransactionOutcome::going_on && tries >= patient_questions) {
        connection->end_process_of(transaction);
      }
      connection->commit();
    } catch (const Failure& failure) {
      why = failure.what();
    }
    if (outcome == TransactionOutcome::kept) return;
    if (outcome == TransactionOutcome::undone) throw ConnectionLost(lost);
    pause_before(tries);
  }
  throw Failure(why +
                " The connection broke while a transaction was being committed: whether that was "
                "kept is not known.");
}

void WriteQueue::attempt_one(Connection& connection, Job& job, bool with_savepoint) {
  if (with_savepoint) connection.set_savepoint();
  try {
    (*job.work)(connection);
  } catch (const ConnectionLost&) {
    throw;
  } catch (const TransactionRefused&) {
    throw;
  } catch (...) {
    job.error = std::current_exception();
    if (with_savepoint && connection.in_transaction()) connection.undo_to_savepoint();
    return;
  }
  if (with_savepoint) connection.release_savepoint();
}

}  // namespace cupola::db
