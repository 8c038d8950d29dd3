#pragma once

/// Messages to recipients, the queue of each recipient, and the log of attempts.
///
/// A recipient is held by one server at a time, under a token that each claim raises: so it gets
/// one message after the other, and an attempt whose server is gone is made again by another.

#include <optional>
#include <string>
#include <vector>

#include "base/id.h"
#include "base/outcome.h"
#include "base/time.h"
#include "db/database.h"
#include "store/notification_events.h"
#include "store/notifications.h"

namespace cupola::store {

using DeliveryId = Id<struct DeliveryIdTag>;

/// gathered: told in another message. dropped: the notification was switched off before.
enum class DeliveryStatus { waiting, delivered, failed, dropped, gathered };
std::string_view to_text(DeliveryStatus status);

struct Delivery {
  DeliveryId id;
  NotificationId notification;
  NotificationEventId event;
  DeliveryStatus status = DeliveryStatus::waiting;
  std::string told;                       ///< the status that it tells
  std::optional<DeliveryId> gathered_in;  ///< the message that tells it too
  int tries = 0;                          ///< since it was made or replayed
  int attempts = 0;                       ///< in all
  std::optional<Instant> next_at;         ///< of the next attempt
  Instant created_at;
  std::optional<Instant> ended_at;
};

struct NewDelivery {
  NotificationId notification;
  NotificationEventId event;
  std::string recipient_hash;
  std::string told;
  Instant first_at;                       ///< of the first attempt
  bool gathers = false;                   ///< others may be told in it until then
  std::optional<DeliveryId> gathered_in;  ///< then no attempt is made
};
/// Nothing when the recipient has a message of this event already.
std::optional<DeliveryId> add_delivery(db::Session& db, const NewDelivery& wanted, Instant now);

/// Failures that the recipient was told, or is to be told, since then: how many, and when the first
/// was.
struct RecentFailures {
  std::int64_t count = 0;
  Instant first;
};
RecentFailures recent_failures(db::Session& db, const NotificationId& notification, Instant since);
/// The message in which further failures are to be told, if there is one that still waits for more.
std::optional<DeliveryId> find_gathering(db::Session& db, const NotificationId& notification,
                                         Instant now);

/// A recipient that is held, with the message that is due to it.
struct Claim {
  Notification notification;
  std::int64_t token = 0;
  Delivery delivery;
  NotificationEvent event;
  std::vector<NotificationEvent> gathered;  ///< what else it tells, oldest first
};
/// Holds up to `most` recipients that nobody holds and that a message is due to, until `ends`.
std::vector<Claim> claim_recipients(db::Session& db, std::string_view worker, int most, Instant now,
                                    Instant ends);
/// When the next message is due, if one waits and its recipient is not held.
std::optional<Instant> next_delivery_due(db::Session& db, Instant now);
/// Lets go of all that the worker holds, of a life before or at its end.
void release_claims(db::Session& db, std::string_view worker);

struct DeliveryAttempt {
  std::int64_t number = 0;
  Instant started_at;
  std::chrono::milliseconds took{0};
  std::optional<int> status_code;  ///< of HTTP or SMTP
  std::optional<std::string> error;
};
/// What follows from it.
struct AfterAttempt {
  DeliveryStatus status = DeliveryStatus::delivered;
  std::optional<Instant> next_at;          ///< when it is still waiting
  std::optional<Instant> held_until;       ///< the recipient wants nothing before
  std::optional<std::string> deactivated;  ///< why the notification is switched off
};
/// Writes both down and lets go of the recipient. False, and nothing written, under a stale token.
bool finish_attempt(db::Session& db, const Claim& claim, const DeliveryAttempt& attempt,
                    const AfterAttempt& after, Instant now);

/// As the log of a notification shows it.
struct LoggedDelivery {
  Delivery delivery;
  NotificationEvent event;
  std::vector<DeliveryAttempt> attempts;  ///< oldest first, the newest 50
};
/// Newest first, after the one at (`before`, `before_id`), from the newest where those are empty.
std::vector<LoggedDelivery> list_deliveries(db::Session& db, const OrganizationKey& organization,
                                            const NotificationId& notification,
                                            std::optional<Instant> before,
                                            std::string_view before_id, int limit);
std::optional<LoggedDelivery> find_delivery(db::Session& db, const OrganizationKey& organization,
                                            const NotificationId& notification,
                                            const DeliveryId& id);
/// Makes it due now, with all its tries before it. Errors: not_found, conflict (it is told in
/// another message, or the notification is not active).
Result<void> replay_delivery(db::Session& db, const OrganizationKey& organization,
                             const NotificationId& notification, const DeliveryId& id, Instant now);
/// A message that says that it is a test, due now, tried once. Errors: conflict (not active, or the
/// last test is less than 10 s ago).
Result<DeliveryId> add_test(db::Session& db, const Notification& notification,
                            std::string_view asked_by, Instant now);

}  // namespace cupola::store
