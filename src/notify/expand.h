#pragma once

/// Turns what happened into messages: who wants to be told, and what.

#include <optional>
#include <string>

#include "base/time.h"
#include "db/database.h"
#include "store/notification_events.h"
#include "store/notifications.h"

namespace cupola::notify {

/// More failures than these to one recipient within that time are told together, at its end.
inline constexpr int most_failures = 5;
inline constexpr std::chrono::milliseconds failures_within = 5min;

/// What a notification tells of the event: its status, or "recovered" for a success after a failure
/// where it asks for that. Empty when it does not want it. `previous` is how the run before ended.
std::optional<std::string> told_status(const store::Notification& notification,
                                       const store::NotificationEvent& event,
                                       const std::optional<std::string>& previous);

/// Makes the messages of up to `limit` events, in the session's transaction; gives how many events.
/// A recipient gets one message of an event: where several notifications of different scopes want
/// it, by the narrowest.
int expand_events(db::Session& db, int limit, Instant now);

}  // namespace cupola::notify
