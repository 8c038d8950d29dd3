#include "db/clock.h"

#include <cstdlib>
#include <optional>

#include <time.h>

#include "base/log.h"

namespace cupola::db {
namespace {

constexpr int questions = 3;
constexpr std::chrono::milliseconds worth_a_line{1000};

std::int64_t milliseconds_since_boot() {
  ::timespec time{};
  ::clock_gettime(CLOCK_BOOTTIME, &time);
  return std::int64_t{time.tv_sec} * 1000 + time.tv_nsec / 1'000'000;
}

struct Measured {
  std::int64_t at_boot = 0;
  std::int64_t doubt = 0;  ///< it is off by this at most
};

/// The answer that took the shortest is the best one.
Measured ask(Database& database) {
  return database.read([](Session& session) {
    std::optional<Measured> best;
    for (int i = 0; i < questions; ++i) {
      const std::int64_t before = milliseconds_since_boot();
      const auto time =
          session.one("SELECT CAST(floor(extract(epoch FROM clock_timestamp()) * 1000) AS bigint)",
                      [](const Row& row) { return row.get<std::int64_t>(0); });
      const std::int64_t took = milliseconds_since_boot() - before;
      if (!best || took / 2 + 1 < best->doubt)
        best = {.at_boot = *time - before - took / 2, .doubt = took / 2 + 1};
    }
    return *best;
  });
}

}  // namespace

DatabaseClock::DatabaseClock(Database& database)
    : database_(database), since_boot_(ask(database).at_boot) {
  if (std::chrono::abs(system_ahead()) >= worth_a_line) {
    log_warning("this machine's clock is {} {} the database's, which counts: set it right",
                to_text(std::chrono::abs(system_ahead())),
                system_ahead() > 0ms ? "ahead of" : "behind");
  }
}

Instant DatabaseClock::now() const {
  return from_milliseconds(since_boot_ + milliseconds_since_boot());
}

void DatabaseClock::measure() {
  const Measured measured = ask(database_);
  const std::int64_t moved = measured.at_boot - since_boot_;
  if (std::abs(moved) <= measured.doubt) return;
  since_boot_ = measured.at_boot;
  if (std::abs(moved) >= worth_a_line.count()) {
    log_warning("the database's clock jumped {} by {}", moved > 0 ? "ahead" : "back",
                to_text(std::chrono::milliseconds{std::abs(moved)}));
  }
}

std::chrono::milliseconds DatabaseClock::system_ahead() const {
  return SystemClock().now() - now();
}

}  // namespace cupola::db
