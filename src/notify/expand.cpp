#include "notify/expand.h"

#include <algorithm>
#include <set>

#include "base/crash_point.h"
#include "store/deliveries.h"
#include "store/notification_events.h"

namespace cupola::notify {
namespace {

int narrowness(const store::NotificationScope& scope) {
  return (scope.project ? 1 : 0) + (scope.deployment ? 1 : 0);
}

/// The message to one recipient. The first few failures come one by one, those after them together.
void add_message(db::Session& db, const store::Notification& notification,
                 const store::NotificationEvent& event, std::string told, Instant now) {
  store::NewDelivery message{.notification = notification.id,
                             .event = event.id,
                             .recipient_hash = notification.recipient_hash,
                             .told = std::move(told),
                             .first_at = now,
                             .gathered_in = std::nullopt};
  if (message.told == "failed") {
    const auto recent = store::recent_failures(db, notification.id, now - failures_within);
    if (recent.count >= most_failures) {
      message.gathered_in = store::find_gathering(db, notification.id, now);
      message.gathers = !message.gathered_in;
      message.first_at = std::max(now, recent.first + failures_within);
    }
  }
  store::add_delivery(db, message, now);
}

void expand(db::Session& db, const store::NotificationEvent& event, Instant now) {
  auto listeners = store::list_listeners(
      db, event.organization, {.project = event.project, .deployment = event.deployment});
  std::stable_sort(listeners.begin(), listeners.end(), [](const auto& a, const auto& b) {
    return narrowness(a.scope) > narrowness(b.scope);
  });
  const bool asks_for_previous =
      event.kind == "job_run" &&
      std::any_of(listeners.begin(), listeners.end(), [](const store::Notification& one) {
        return one.only_on_change || store::names_status(one.filters, "recovered");
      });
  const auto previous = asks_for_previous ? store::previous_outcome(db, event) : std::nullopt;
  std::set<std::string> told_already;
  for (const store::Notification& notification : listeners) {
    if (told_already.contains(notification.recipient_hash)) continue;
    auto told = told_status(notification, event, previous);
    if (!told) continue;
    add_message(db, notification, event, *std::move(told), now);
    told_already.insert(notification.recipient_hash);
  }
}

}  // namespace

std::optional<std::string> told_status(const store::Notification& notification,
                                       const store::NotificationEvent& event,
                                       const std::optional<std::string>& previous) {
  const std::string schedule = event.schedule.value_or("");
  const auto wants = [&](std::string_view status) {
    return store::wants(notification.filters,
                        {.event = event.kind, .status = status, .schedule = schedule});
  };
  if (event.status == "succeeded" && previous == "failed" && wants("recovered")) {
    return "recovered";
  }
  if (!wants(event.status)) return std::nullopt;
  if (notification.only_on_change && !event.told_always && previous == event.status) {
    return std::nullopt;
  }
  return event.status;
}

int expand_events(db::Session& db, int limit, Instant now) {
  const auto events = store::take_open_events(db, limit);
  for (const store::NotificationEvent& event : events) {
    expand(db, event, now);
    store::mark_handled(db, event.id);
  }
  if (!events.empty()) crash_point("notify.expanding");
  return static_cast<int>(events.size());
}

}  // namespace cupola::notify
