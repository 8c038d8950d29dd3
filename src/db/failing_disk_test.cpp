#include "testing/failing_disk.h"

#include <cstdlib>
#include <mutex>
#include <random>
#include <set>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "db/database.h"
#include "testing/databases.h"

namespace cupola::db {
namespace {

using testing::FailingDisk;

constexpr int writers = 3;

/// How many of each; CUPOLA_DISK_SEEDS for more.
std::uint64_t seeds(std::uint64_t usual) {
  const char* wanted = std::getenv("CUPOLA_DISK_SEEDS");
  return wanted == nullptr ? usual : std::strtoull(wanted, nullptr, 10);
}

/// Writes of several threads to a database on a disk that fails, and what was answered to each.
class Case07FailingDiskTest : public ::testing::Test {
 protected:
  void open() { db = Database::open({.url = place.url()}); }

  /// Two rows in one transaction, of a size that fills some pages.
  void put(const std::string& name, std::size_t size) {
    const std::string text(size, 'x');
    db->write([&](Session& session) {
      for (const char* half : {"a", "b"}) {
        session.execute("INSERT INTO settings (name, value) VALUES (:name, :value)",
                        {{"name", name + half}, {"value", text}});
      }
    });
  }

  void write_from_several_threads(std::uint64_t seed, int each) {
    std::vector<std::thread> threads;
    for (int writer = 0; writer < writers; ++writer) {
      threads.emplace_back([&, writer, random = std::mt19937_64(seed * 10 + writer)]() mutable {
        for (int i = 0; i < each; ++i) {
          const std::string name = fmt::format("w{}-{}-{}-", seed, writer, i);
          bool kept = false;
          try {
            put(name, random() % 30'000);
            kept = true;
          } catch (const Failure&) {
          }
          const std::scoped_lock lock(mutex);
          (kept ? acknowledged : refused).insert(name);
        }
      });
    }
    for (auto& thread : threads) thread.join();
  }

  std::set<std::string> found() {
    const auto names = db->read([](Session& session) {
      return session.all("SELECT name FROM settings WHERE name LIKE 'w%'",
                         [](const Row& row) { return row.get<std::string>(0); });
    });
    std::set<std::string> whole;
    const std::set<std::string> all(names.begin(), names.end());
    for (const std::string& name : all) {
      const std::string stem = name.substr(0, name.size() - 1);
      EXPECT_TRUE(all.contains(stem + "a") && all.contains(stem + "b")) << "half a write: " << name;
      whole.insert(stem);
    }
    return whole;
  }

  void expect_sound() {
    const auto said = db->read([](Session& session) {
      return session.all("PRAGMA integrity_check",
                         [](const Row& row) { return row.get<std::string>(0); });
    });
    EXPECT_EQ(said, std::vector<std::string>{"ok"});
    const auto there = found();
    for (const std::string& name : acknowledged) {
      EXPECT_TRUE(there.contains(name)) << "acknowledged, and lost: " << name;
    }
  }

  testing::DatabasePlace place{testing::DatabaseKind::sqlite_file};
  FailingDisk disk{place.folder()};
  std::unique_ptr<Database> db;
  std::mutex mutex;
  std::set<std::string> acknowledged;
  std::set<std::string> refused;
};

TEST_F(Case07FailingDiskTest, APowerCutAtAnyStepLosesNothingThatWasAcknowledged) {
  for (std::uint64_t seed = 1; seed <= seeds(40); ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    std::mt19937_64 random(seed);
    // Each fourth one falls into opening: recovery, or the first of all migrations.
    disk.fail_at(1 + static_cast<std::int64_t>(random() % (seed % 4 == 0 ? 40 : 250)),
                 FailingDisk::Fault::power_cut);
    try {
      open();
      write_from_several_threads(seed, 8);
    } catch (const Failure&) {
    }
    disk.cut_power();
    db.reset();
    disk.restore_power(seed);

    open();

    expect_sound();
    db.reset();
    if (HasFailure()) return;
  }
  EXPECT_GT(acknowledged.size(), 40u);
  EXPECT_GT(refused.size(), 40u);
}

TEST_F(Case07FailingDiskTest, AWriteThatTheDiskRefusesIsRefusedAndTheNextOnesGoOn) {
  using Fault = FailingDisk::Fault;
  const Fault faults[] = {Fault::write_error, Fault::short_write, Fault::full, Fault::sync_error};
  for (std::uint64_t seed = 1; seed <= seeds(40); ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    std::mt19937_64 random(seed);
    open();
    disk.fail_at(1 + static_cast<std::int64_t>(random() % 60), faults[seed % 4],
                 1 + static_cast<std::int64_t>(random() % 5));
    write_from_several_threads(seed, 6);
    const auto there = found();
    for (const std::string& name : refused) {
      EXPECT_FALSE(there.contains(name)) << "refused, and there all the same: " << name;
    }
    // What was acknowledged after the fault is no less durable than what was before.
    disk.cut_power();
    db.reset();
    disk.restore_power(seed);

    open();

    expect_sound();
    db.reset();
    if (HasFailure()) return;
  }
  EXPECT_GT(refused.size(), 10u);
}

TEST_F(Case07FailingDiskTest, ASyncThatFailsIsNeverToldAsSuccess) {
  open();
  put("w-before-", 100);
  disk.fail_at(1, FailingDisk::Fault::sync_error);

  EXPECT_THROW(put("w-during-", 100), Failure);
  put("w-after-", 100);

  EXPECT_TRUE(disk.has_failed());
  disk.cut_power();
  db.reset();
  disk.restore_power(1);
  open();
  EXPECT_THAT(found(), ::testing::ElementsAre("w-after-", "w-before-"));
}

}  // namespace
}  // namespace cupola::db
