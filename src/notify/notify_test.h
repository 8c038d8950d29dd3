#pragma once

/// An organization with runs that end as a test wants, a clock that it moves, and a notifier whose
/// steps it makes.

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "notify/notifier.h"
#include "store/runs.h"
#include "testing/databases.h"
#include "testing/fake_clock.h"
#include "testing/receiver.h"
#include "testing/tenant.h"

namespace cupola::notify {

inline constexpr Instant noon = Instant{std::chrono::hours{24 * 20000 + 12}};

class NotifyTest : public testing::EachDatabase {
 protected:
  void SetUp() override;
  void TearDown() override;

  store::Notification set(const std::string& url, const std::string& filters = "[]",
                          const store::NotificationScope& scope = {}, bool only_on_change = false);
  /// A run of the schedule (of the tasks, where that is empty) that ends so.
  RunId end_run(store::RunStatus status, const std::string& cause = "",
                const std::string& schedule = "daily");
  /// Makes messages of all that happened, and sends nothing.
  void expand();
  std::unique_ptr<Notifier> new_notifier(const std::string& worker = "server-1");
  /// Steps until `ready` says so; false after 10 s.
  template <typename F>
  bool step_until(Notifier& notifier, F&& ready) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{10};
    while (!ready()) {
      if (std::chrono::steady_clock::now() > until) return false;
      notifier.step();
    }
    return true;
  }
  /// Newest first.
  std::vector<store::LoggedDelivery> log_of(const store::Notification& notification);
  store::Notification now_of(const store::Notification& notification);
  /// What each message tells, oldest first.
  std::vector<std::string> told(const store::Notification& notification);
  std::int64_t count(const std::string& table);

  std::unique_ptr<testing::DatabasePlace> key_place;
  std::unique_ptr<store::Vault> vault;
  testing::FakeClock clock{noon};
  testing::Tenant tenant;
  testing::Receiver receiver;
};

}  // namespace cupola::notify
