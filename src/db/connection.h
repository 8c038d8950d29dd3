#pragma once

/// One connection as the rest of src/db sees it, whichever database it leads to.

#include <memory>
#include <string>
#include <string_view>

#include "base/outcome.h"
#include "db/database.h"
#include "db/sql_text.h"

namespace cupola::db {

/// The connection is gone, and the transaction with it: nothing of it was kept.
class ConnectionLost : public Failure {
 public:
  using Failure::Failure;
};

/// The database gave the transaction up (deadlock, serialization): once more may succeed.
class TransactionRefused : public Failure {
 public:
  using Failure::Failure;
};

/// By what the outcome of a transaction can be asked for after its connection was lost.
struct TransactionName {
  std::string number;      ///< empty: it changed nothing
  int server_process = 0;  ///< that works on it
};

enum class TransactionOutcome { kept, undone, going_on };

class Connection : public Session {
 public:
  virtual void begin_read() = 0;
  virtual void begin_write() = 0;
  /// The last thing before `commit`: what must be known should that break off.
  virtual TransactionName prepare_commit() { return {}; }
  /// When it throws ConnectionLost, whether the transaction was kept is not known.
  virtual void commit() = 0;
  /// Ends whatever transaction there is. Throws nothing; look at `is_usable` after.
  virtual void rollback() noexcept = 0;
  /// What became of a transaction of another connection, which is lost. Throws Failure when the
  /// database no longer knows.
  virtual TransactionOutcome outcome_of(const TransactionName& transaction) {
    static_cast<void>(transaction);
    return TransactionOutcome::undone;
  }
  /// Makes the server let go of a transaction whose connection is lost: it is kept or undone then.
  virtual void end_process_of(const TransactionName& transaction) {
    static_cast<void>(transaction);
  }

  virtual void set_savepoint() = 0;
  virtual void release_savepoint() = 0;
  virtual void undo_to_savepoint() = 0;

  /// False after an error that took the whole transaction with it.
  virtual bool in_transaction() const = 0;
  /// False when the connection must not be used again.
  virtual bool is_usable() const = 0;

  /// Several statements without parameters or rows.
  virtual void run_script(std::string_view sql) = 0;
  /// Makes other servers that migrate this database wait until this transaction ends.
  virtual void lock_for_migration() = 0;
  virtual bool has_table(std::string_view name) = 0;
};

/// The value for the parameter `name`. Throws Failure when there is none.
const Value& value_of(const Params& params, const std::string& name);

/// Throws Failure when a text could not be kept (NUL, not UTF-8) or when `params` has more than
/// the statement's `names`.
void check_params(const Params& params, const SqlText& statement);

/// For messages: the statement in one line, cut where it gets long.
std::string shown(std::string_view sql);

}  // namespace cupola::db
