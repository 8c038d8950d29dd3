#include "db/database.h"

#include <atomic>
#include <barrier>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "testing/databases.h"

namespace cupola::db {
namespace {

using ::testing::HasSubstr;

std::int64_t first_number(const Row& row) {
  return row.get<std::int64_t>(0);
}

std::string failure_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Failure& failure) {
    return failure.what();
  }
  return "";
}

class DatabaseTest : public testing::EachDatabase {
 protected:
  void put(const std::string& name, const std::string& value) {
    db->write([&](Session& session) { put(session, name, value); });
  }
  static void put(Session& session, const std::string& name, const std::string& value) {
    session.execute("INSERT INTO settings (name, value) VALUES (:name, :value)",
                    {{"name", name}, {"value", value}});
  }
  std::int64_t count(const std::string& beginning) {
    return db->read([&](Session& session) {
      return *session.one("SELECT count(*) FROM settings WHERE name LIKE :pattern", first_number,
                          {{"pattern", beginning + "%"}});
    });
  }
};
INSTANTIATE_TEST_SUITE_P(On, DatabaseTest, testing::databases());

TEST_P(DatabaseTest, ValuesComeBackAsTheyWent) {
  const std::string text = "a':b\\ \"ö\" \n€ 𝄞";
  const std::int64_t big = std::numeric_limits<std::int64_t>::min();

  db->write([&](Session& session) {
    session.execute("CREATE TABLE samples (t text, i bigint, d double precision, n bigint)");
    session.execute("INSERT INTO samples (t, i, d, n) VALUES (:t, :i, :d, :n)",
                    {{"t", text}, {"i", big}, {"d", 0.1}, {"n", nullptr}});
  });

  db->read([&](Session& session) {
    session.each(
        "SELECT t, i, d, n, i + 1, length(t), sum(i), count(*) FROM samples"
        " GROUP BY t, i, d, n",
        {}, [&](const Row& row) {
          EXPECT_EQ(row.get<std::string>(0), text);
          EXPECT_EQ(row.get<std::int64_t>(1), big);
          EXPECT_EQ(row.get<double>(2), 0.1);
          EXPECT_EQ(row.get<std::optional<std::int64_t>>(3), std::nullopt);
          EXPECT_EQ(row.get<std::int64_t>(4), big + 1);
          EXPECT_EQ(row.get<std::int64_t>(5), 14);
          EXPECT_EQ(row.get<std::int64_t>(6), big);
          EXPECT_EQ(row.get<std::int64_t>(7), 1);
          EXPECT_THROW(row.get<std::int64_t>(3), Failure) << "NULL is no number";
          EXPECT_THROW(row.get<std::int64_t>(0), Failure) << "a text is no number";
          EXPECT_THROW(row.get<std::string>(1), Failure) << "a number is no text";
          EXPECT_THROW(row.get<std::string>(8), Failure) << "there is no such column";
          return true;
        });
  });
}

TEST_P(DatabaseTest, TextsThatOneDatabaseCouldNotKeepAreRefusedByBoth) {
  EXPECT_THAT(failure_of([&] { put("nul", std::string("a\0b", 3)); }), HasSubstr("NUL"));
  EXPECT_THAT(failure_of([&] { put("latin-1", "caf\xe9 and more text"); }), HasSubstr("UTF-8"));
  EXPECT_EQ(count(""), 0);
}

TEST_P(DatabaseTest, ParametersThatDoNotFitTheStatementAreRefused) {
  EXPECT_THROW(db->read([](Session& session) {
    session.execute("SELECT 1", {{"more", 1}});
  }),
               Failure);
  EXPECT_THROW(db->read([](Session& session) {
    session.one("SELECT :a", first_number, {{"b", 1}});
  }),
               Failure);
}

TEST_P(DatabaseTest, AWriteThatThrowsUndoesItselfAloneAmongOthers) {
  constexpr int writers = 8;
  constexpr int rounds = 20;
  std::barrier start(writers);
  std::atomic<int> caught = 0;

  std::vector<std::thread> threads;
  for (int writer = 0; writer < writers; ++writer) {
    threads.emplace_back([&, writer] {
      start.arrive_and_wait();
      for (int round = 0; round < rounds; ++round) {
        const std::string name = std::to_string(writer) + "-" + std::to_string(round);
        const bool bad = (writer + round) % 4 == 0;
        try {
          db->write([&](Session& session) {
            put(session, (bad ? "bad-" : "good-") + name, "");
            if (bad && round % 2 == 0) throw std::logic_error("not this one");
            if (bad) put(session, "bad-" + name, "the same key once more");
          });
        } catch (const std::exception&) {
          ++caught;
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();

  EXPECT_EQ(count("good-"), writers * rounds * 3 / 4);
  EXPECT_EQ(count("bad-"), 0);
  EXPECT_EQ(caught, writers * rounds / 4);
}

TEST_P(DatabaseTest, WriteGivesWhatTheWorkGaveAndThrowsWhatItThrew) {
  EXPECT_EQ(db->write([](Session&) { return std::string("given"); }), "given");
  EXPECT_THROW(db->write([](Session&) { throw std::out_of_range("thrown"); }), std::out_of_range);
}

TEST_P(DatabaseTest, AReadSeesOneMoment) {
  if (is_in_memory()) GTEST_SKIP() << "reads and writes take turns there";
  put("a", "");

  db->read([&](Session& session) {
    const auto look = [&] { return *session.one("SELECT count(*) FROM settings", first_number); };
    const auto before = look();
    std::thread([&] { put("b", ""); }).join();
    EXPECT_EQ(look(), before);
  });
  EXPECT_EQ(count(""), 2);
}

TEST_P(DatabaseTest, ReadsCannotWrite) {
  if (is_in_memory()) GTEST_SKIP() << "it has one connection for both";
  EXPECT_THROW(db->read([](Session& session) { put(session, "a", ""); }), Failure);
  EXPECT_EQ(count(""), 0);
}

TEST_P(DatabaseTest, AStatementMayRunInsideItsOwnReading) {
  put("a", "1");
  put("b", "2");
  const auto names = [](Session& session, const std::function<void()>& inside) {
    std::string all;
    session.each("SELECT name FROM settings ORDER BY name", {}, [&](const Row& row) {
      all += row.get<std::string>(0);
      inside();
      return true;
    });
    return all;
  };

  const auto result = db->read([&](Session& session) {
    return names(session, [&] { EXPECT_EQ(names(session, [] {}), "ab"); });
  });
  EXPECT_EQ(result, "ab");
}

TEST_P(DatabaseTest, WhatWasWrittenIsThereAfterAReopening) {
  if (is_in_memory()) GTEST_SKIP() << "it goes with its connection";
  put("kept", "yes");

  reopen();

  EXPECT_EQ(count("kept"), 1);
}

TEST_P(DatabaseTest, ADatabaseFromANewerVersionIsRefused) {
  if (is_in_memory()) GTEST_SKIP() << "it goes with its connection";
  db.reset();
  testing::run_sql_beside(place->url(),
                          "INSERT INTO schema_migrations (number, name, checksum, applied_at)"
                          " VALUES (9999, '9999_from_later', '', 0)");

  const auto text = failure_of([&] { reopen(); });

  EXPECT_THAT(text, HasSubstr("newer version"));
  EXPECT_THAT(text, HasSubstr("9999_from_later"));
}

TEST_P(DatabaseTest, ADatabaseWhoseMigrationWasAnotherIsRefused) {
  if (is_in_memory()) GTEST_SKIP() << "it goes with its connection";
  db.reset();
  testing::run_sql_beside(place->url(), "UPDATE schema_migrations SET checksum = 'other'");

  EXPECT_THAT(failure_of([&] { reopen(); }), HasSubstr("another build"));
}

TEST_P(DatabaseTest, ServersThatMigrateAtOnceDoNotClash) {
  if (is_in_memory()) GTEST_SKIP() << "it goes with its connection";
  testing::DatabasePlace empty(GetParam());
  constexpr int servers = 4;
  std::barrier start(servers);
  std::atomic<int> opened = 0;

  std::vector<std::thread> threads;
  for (int server = 0; server < servers; ++server) {
    threads.emplace_back([&] {
      start.arrive_and_wait();
      const auto text = failure_of([&] {
        Database::open({.url = empty.url()});
        ++opened;
      });
      EXPECT_EQ(text, "");
    });
  }
  for (auto& thread : threads) thread.join();

  EXPECT_EQ(opened, servers);
}

TEST_P(DatabaseTest, AConnectionThatWasLostIsOpenedAgain) {
  if (GetParam() != testing::DatabaseKind::postgres) GTEST_SKIP() << "has no server to lose";
  put("before", "");
  const auto cut = [&] {
    testing::run_sql_beside(place->url(),
                            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                            " WHERE application_name = '" +
                                place->schema() + "' AND pid <> pg_backend_pid()");
  };

  cut();
  put("after-idle", "");
  cut();
  EXPECT_EQ(count(""), 2);
  int tries = 0;
  db->write([&](Session& session) {
    if (++tries == 1) cut();
    put(session, "in-the-middle", "");
  });

  EXPECT_EQ(tries, 2);
  EXPECT_EQ(count(""), 3);
}

TEST_P(DatabaseTest, DeadlocksAreTriedAgain) {
  if (GetParam() != testing::DatabaseKind::postgres) GTEST_SKIP() << "has one writer";
  put("a", "");
  put("b", "");
  const auto other = Database::open({.url = place->url()});
  std::barrier both_hold_one(2);
  const auto touch_both = [&](Database& database, const char* first, const char* second) {
    bool met = false;
    database.write([&](Session& session) {
      const auto touch = [&](const char* name) {
        session.execute("UPDATE settings SET value = value || 'x' WHERE name = :name",
                        {{"name", name}});
      };
      touch(first);
      if (!std::exchange(met, true)) both_hold_one.arrive_and_wait();
      touch(second);
    });
  };

  std::thread thread([&] { touch_both(*other, "b", "a"); });
  touch_both(*db, "a", "b");
  thread.join();

  db->read([&](Session& session) {
    session.each("SELECT value FROM settings", {}, [](const Row& row) {
      EXPECT_EQ(row.get<std::string>(0), "xx");
      return true;
    });
  });
}

TEST(OpeningTest, SaysWhatIsWrongAndWhatToDo) {
  testing::DatabasePlace place(testing::DatabaseKind::sqlite_file);
  const auto folder = place.folder();
  std::ofstream(folder / "text") << std::string(5000, 'x');

  const auto open = [](const std::string& url) {
    return failure_of([&] { Database::open({.url = url}); });
  };
  EXPECT_THAT(open("sqlite:" + (folder / "none" / "cupola.db").string()),
              HasSubstr("Check that its folder exists"));
  EXPECT_THAT(open("sqlite:" + (folder / "text").string()), HasSubstr("no SQLite database"));
  EXPECT_THAT(open("mysql://secret@host/x"), HasSubstr("sqlite:PATH"));
  const auto unreachable = open("postgresql://me:secret@127.0.0.1:1/x?password=secret");
  EXPECT_THAT(unreachable, HasSubstr("Cannot reach the database postgresql://me@127.0.0.1:1/x"));
  EXPECT_THAT(unreachable, ::testing::Not(HasSubstr("secret")));
}

TEST(OpeningTest, ANewFileIsItsOwnersAlone) {
  testing::DatabasePlace place(testing::DatabaseKind::sqlite_file);

  const auto database = Database::open({.url = place.url()});

  for (const char* name : {"cupola.db", "cupola.db-wal"}) {
    struct ::stat status {};
    ASSERT_EQ(::stat((place.folder() / name).c_str(), &status), 0) << name;
    EXPECT_EQ(status.st_mode & 0777, 0600u) << name;
  }
}

// The last of all processes removes the log of writes when it goes. It knows others by their locks,
// which a process loses when it closes any descriptor of the file.
TEST(OpeningTest, AnotherProcessThatComesAndGoesLeavesTheLogOfWritesInPlace) {
  testing::DatabasePlace place(testing::DatabaseKind::sqlite_file);
  const auto database = Database::open({.url = place.url()});
  const std::string file = (place.folder() / "cupola.db").string();

  const int status = std::system(("/usr/bin/python3 -c \"import sqlite3; c = sqlite3.connect('" +
                                  file + "'); c.execute('select 1 from settings'); c.close()\"")
                                     .c_str());

  if (status != 0) GTEST_SKIP() << "no Python";
  EXPECT_TRUE(std::filesystem::exists(file + "-wal"));
}

TEST(OpeningTest, AFullDiskIsSaidAndUndoesTheWriteOnly) {
  testing::DatabasePlace place(testing::DatabaseKind::sqlite_file);
  const auto database = Database::open({.url = place.url()});
  const auto put = [&](const std::string& name, std::size_t size) {
    database->write([&](Session& session) {
      session.execute("INSERT INTO settings (name, value) VALUES (:name, :value)",
                      {{"name", name}, {"value", std::string(size, 'x')}});
    });
  };
  // SQLite's own limit on pages gives the error of a full disk.
  database->write([](Session& session) {
    session.each("PRAGMA max_page_count = 200", {}, [](const Row&) { return true; });
  });

  const auto text = failure_of([&] { put("large", 10'000'000); });
  put("small", 10);

  EXPECT_THAT(text, HasSubstr("disk is full"));
  database->read([](Session& session) {
    EXPECT_EQ(*session.one("SELECT count(*) FROM settings", first_number), 1);
  });
}

}  // namespace
}  // namespace cupola::db
