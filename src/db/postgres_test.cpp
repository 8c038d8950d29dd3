// What only PostgreSQL can do to us: commits whose answer is lost, news of other servers, its time.

#include <condition_variable>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include <gmock/gmock.h>

#include "db/clock.h"
#include "db/database.h"
#include "testing/databases.h"
#include "testing/postgres_proxy.h"

namespace cupola::db {
namespace {

using ::testing::HasSubstr;
using Cut = testing::PostgresProxy::Cut;

class PostgresTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!testing::DatabasePlace::is_there(testing::DatabaseKind::postgres)) {
      GTEST_SKIP() << "CUPOLA_TEST_POSTGRES names no PostgreSQL";
    }
    place = std::make_unique<testing::DatabasePlace>(testing::DatabaseKind::postgres);
    proxy = std::make_unique<testing::PostgresProxy>(place->url());
    database = Database::open({.url = proxy->url()});
    beside = Database::open({.url = place->url()});
  }

  /// Adds one to a number, which is not the same when it is done twice.
  static void add_one(Database& to) {
    to.write([](Session& session) {
      session.execute(
          "INSERT INTO settings (name, value) VALUES ('n', 'x')"
          " ON CONFLICT (name) DO UPDATE SET value = settings.value || 'x'");
    });
  }
  std::size_t number() {
    return beside->read([](Session& session) {
      return session
          .one("SELECT value FROM settings WHERE name = 'n'",
               [](const Row& row) { return row.get<std::string>(0).size(); })
          .value_or(0);
    });
  }

  std::unique_ptr<testing::DatabasePlace> place;
  std::unique_ptr<testing::PostgresProxy> proxy;
  std::unique_ptr<Database> database;
  std::unique_ptr<Database> beside;
};

TEST_F(PostgresTest, case_08_ACommitWhoseAnswerIsLostIsDoneOnce) {
  add_one(*database);

  proxy->cut_next(Cut::commit_answer);
  add_one(*database);

  EXPECT_EQ(proxy->cuts(), 1);
  EXPECT_EQ(number(), 2u);
}

TEST_F(PostgresTest, case_08_ACommitThatNeverArrivedIsDoneAgain) {
  add_one(*database);

  proxy->cut_next(Cut::before_commit);
  add_one(*database);

  EXPECT_EQ(proxy->cuts(), 1);
  EXPECT_EQ(number(), 2u);
}

TEST_F(PostgresTest, case_08_WritesOfManyThreadsWhoseCommitsAreCutAreEachDoneOnce) {
  constexpr int threads = 4;
  constexpr int writes = 10;
  std::atomic<bool> cutting = true;
  std::thread cutter([&] {
    for (bool answer = false; cutting; answer = !answer) {
      proxy->cut_next(answer ? Cut::commit_answer : Cut::before_commit);
      std::this_thread::sleep_for(5ms);
    }
    proxy->cut_next(Cut::none);
  });

  std::vector<std::thread> writers;
  std::atomic<int> in_doubt = 0;
  for (int i = 0; i < threads; ++i) {
    writers.emplace_back([&] {
      for (int j = 0; j < writes; ++j) {
        try {
          add_one(*database);
        } catch (const Failure&) {
          ++in_doubt;  // cut five times in a row
        }
      }
    });
  }
  for (auto& writer : writers) writer.join();
  cutting = false;
  cutter.join();

  EXPECT_GT(proxy->cuts(), 4);
  EXPECT_EQ(static_cast<int>(number()), threads * writes - in_doubt);
}

TEST_F(PostgresTest, case_08_AnOutcomeThatNobodyTellsIsSaidToBeUnknown) {
  proxy->cut_next(Cut::answer_and_all);
  std::string said;
  try {
    add_one(*database);
  } catch (const Failure& failure) {
    said = failure.what();
  }
  proxy->let_in();

  EXPECT_THAT(said, HasSubstr("not known"));
  EXPECT_EQ(number(), 1u);
  add_one(*database);
  EXPECT_EQ(number(), 2u);
}

TEST_F(PostgresTest, case_04_ATransactionThatHangsIsEndedByTheDatabaseAndRunsAgain) {
  const auto limit = database->write([](Session& session) {
    return session.one("SELECT current_setting('idle_in_transaction_session_timeout')",
                       [](const Row& row) { return row.get<std::string>(0); });
  });
  EXPECT_EQ(limit, "10s");

  int tries = 0;
  database->write([&](Session& session) {
    session.execute("INSERT INTO settings (name, value) VALUES ('n', 'x')");
    if (++tries > 1) return;
    session.execute("SET LOCAL idle_in_transaction_session_timeout = '20ms'");
    std::this_thread::sleep_for(500ms);
    session.execute("UPDATE settings SET value = 'xx' WHERE name = 'n'");
  });

  EXPECT_EQ(tries, 2);
  EXPECT_EQ(number(), 1u);
}

TEST_F(PostgresTest, case_08_TooManyConnectionsAreSaidAndHealWhenSomeAreFree) {
  const std::string role = place->schema();
  testing::run_sql_beside(place->url(), "CREATE ROLE " + role + " LOGIN CONNECTION LIMIT 3;" +
                                            "GRANT ALL ON SCHEMA " + role + " TO " + role +
                                            ";GRANT ALL ON ALL TABLES IN SCHEMA " + role + " TO " +
                                            role);
  std::string url = place->url();
  url.replace(url.find("user=postgres"), 13, "user=" + role);
  {
    const auto limited = Database::open({.url = url, .readers = 1});
    add_one(*limited);
    std::optional<testing::PlainConnection> others[2];
    for (auto& other : others) other.emplace(url);

    std::string said;
    try {
      limited->read([](Session&) {});
    } catch (const Failure& failure) {
      said = failure.what();
    }
    EXPECT_THAT(said, HasSubstr("too many connections"));
    add_one(*limited);

    for (auto& other : others) other.reset();
    const auto heals = std::chrono::steady_clock::now() + 20s;
    for (bool healed = false; !healed;) {
      try {
        limited->read([](Session&) {});
        healed = true;
      } catch (const Failure&) {
        ASSERT_LT(std::chrono::steady_clock::now(), heals);
      }
    }
    EXPECT_EQ(number(), 2u);
  }
  testing::run_sql_beside(place->url(), "DROP OWNED BY " + role + "; DROP ROLE " + role);
}

/// What a listener hears, to be waited for.
class Ears {
 public:
  std::function<void(std::string_view)> take() {
    return [this](std::string_view topic) {
      const std::scoped_lock lock(mutex_);
      heard_.emplace(topic);
      changed_.notify_all();
    };
  }
  bool wait_for(const std::string& topic) {
    std::unique_lock lock(mutex_);
    const bool came = changed_.wait_for(lock, 20s, [&] { return heard_.contains(topic); });
    if (came) heard_.erase(heard_.find(topic));
    return came;
  }
  std::size_t count(const std::string& topic) {
    const std::scoped_lock lock(mutex_);
    return heard_.count(topic);
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::multiset<std::string> heard_;
};

void tell(Database& database, const char* topic) {
  database.write([&](Session& session) { session.tell(topic); });
}

TEST_F(PostgresTest, WhatOneServerTellsTheOthersHearAndItDoesNot) {
  Ears ours;
  Ears theirs;
  const auto our_listener = database->listen(ours.take());
  const auto their_listener = beside->listen(theirs.take());
  ASSERT_TRUE(ours.wait_for("") && theirs.wait_for(""));

  tell(*database, "runs");
  EXPECT_TRUE(theirs.wait_for("runs"));
  tell(*beside, "releases");
  EXPECT_TRUE(ours.wait_for("releases"));

  EXPECT_EQ(ours.count("runs"), 0u);
}

TEST_F(PostgresTest, WhatIsNotKeptIsNotTold) {
  Ears theirs;
  const auto listener = beside->listen(theirs.take());
  ASSERT_TRUE(theirs.wait_for(""));

  EXPECT_THROW(database->write([](Session& session) {
    session.tell("nothing");
    throw Failure("no");
  }),
               Failure);
  tell(*database, "runs");

  ASSERT_TRUE(theirs.wait_for("runs"));
  EXPECT_EQ(theirs.count("nothing"), 0u);
}

TEST_F(PostgresTest, AnotherCupolaInTheSameDatabaseHearsNothing) {
  testing::DatabasePlace other(testing::DatabaseKind::postgres);
  const auto stranger = Database::open({.url = other.url()});
  const auto friend_of_it = Database::open({.url = other.url()});
  Ears ears;
  const auto listener = stranger->listen(ears.take());
  ASSERT_TRUE(ears.wait_for(""));

  tell(*database, "runs");
  tell(*friend_of_it, "releases");

  ASSERT_TRUE(ears.wait_for("releases"));
  EXPECT_EQ(ears.count("runs"), 0u);
}

TEST_F(PostgresTest, AListenerWhoseConnectionWasLostComesBackAndSaysThatItMissedSome) {
  Ears ears;
  const auto listener = beside->listen(ears.take());
  ASSERT_TRUE(ears.wait_for(""));

  testing::run_sql_beside(place->url(),
                          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                          " WHERE application_name = '" +
                              place->schema() + "' AND pid <> pg_backend_pid()");

  ASSERT_TRUE(ears.wait_for(""));
  tell(*database, "runs");
  EXPECT_TRUE(ears.wait_for("runs"));
}

TEST_F(PostgresTest, TheClockIsTheDatabases) {
  DatabaseClock clock(*database);

  const auto time = beside->read([](Session& session) {
    return *session.one("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)",
                        [](const Row& row) { return row.get<Instant>(0); });
  });

  EXPECT_LT(std::chrono::abs(clock.now() - time), 5s);
}

/// A database that knows nothing but a time.
class TimeOnly : public Database {
 public:
  Instant time;

  std::uint64_t writes() const override { return 0; }
  bool is_postgres() const override { return true; }
  std::string description() const override { return "time"; }

 private:
  struct OneTime : Row {
    Instant time;
    std::size_t size() const override { return 1; }
    bool is_null(std::size_t) const override { return false; }
    std::int64_t integer(std::size_t) const override { return to_milliseconds(time); }
    double real(std::size_t) const override { return 0; }
    std::string_view text(std::size_t) const override { return ""; }
  };
  struct Answer : Session {
    OneTime row;
    std::int64_t execute(std::string_view, const Params&) override { return 0; }
    void each(std::string_view, const Params&,
              const std::function<bool(const Row&)>& each) override {
      each(row);
    }
    bool is_postgres() const override { return true; }
  };

  void run_read(const std::function<void(Session&)>& work) override {
    Answer answer;
    answer.row.time = time;
    work(answer);
  }
  void run_write(const std::function<void(Session&)>& work) override { run_read(work); }
};

TEST(DatabaseClockTest, FollowsTheDatabaseWhenThatJumps) {
  TimeOnly database;
  const Instant there = *parse_rfc3339("2031-05-06T07:08:09Z");
  database.time = there;
  DatabaseClock clock(database);
  EXPECT_LT(std::chrono::abs(clock.now() - there), 1min);
  EXPECT_GT(std::chrono::abs(clock.system_ahead()), 1h);

  database.time = there - 24h;
  EXPECT_GT(clock.now(), there - 1h) << "nothing was asked yet";
  clock.measure();

  EXPECT_LT(std::chrono::abs(clock.now() - (there - 24h)), 1min);
}

}  // namespace
}  // namespace cupola::db
