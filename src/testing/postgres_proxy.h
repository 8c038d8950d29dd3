#pragma once

/// Stands between a test's program and its PostgreSQL, and breaks off where it hurts most.

#include <atomic>
#include <memory>
#include <string>

namespace cupola::testing {

/// Listens on the loopback and passes everything on to the PostgreSQL of `url`.
class PostgresProxy {
 public:
  explicit PostgresProxy(const std::string& url);
  ~PostgresProxy();
  PostgresProxy(const PostgresProxy&) = delete;
  PostgresProxy& operator=(const PostgresProxy&) = delete;

  /// The same database by way of this proxy.
  const std::string& url() const;

  enum class Cut {
    none,
    before_commit,   ///< COMMIT is sent and never arrives
    commit_answer,   ///< COMMIT is carried out, the answer is swallowed
    answer_and_all,  ///< the same, and nobody is let in again until `let_in`
  };
  /// What happens to the next commit; the connection is cut in any case.
  void cut_next(Cut cut);
  /// How many were cut so far.
  int cuts() const;
  void let_in();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// A connection that does nothing but be there.
class PlainConnection {
 public:
  explicit PlainConnection(const std::string& url);
  ~PlainConnection();
  PlainConnection(const PlainConnection&) = delete;
  PlainConnection& operator=(const PlainConnection&) = delete;

 private:
  void* connection_;  // a PGconn
};

}  // namespace cupola::testing
