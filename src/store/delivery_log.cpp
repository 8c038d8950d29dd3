// The log of messages: what was tried, trying again, trying out.

#include <algorithm>

#include <fmt/format.h>

#include "store/deliveries.h"
#include "store/delivery_rows.h"
#include "store/notification_rows.h"
#include "store/topics.h"

namespace cupola::store {
namespace {

constexpr int most_attempts = 50;
constexpr std::chrono::milliseconds between_tests = 10s;

#define FROM_THE_LOG                                                                \
  "SELECT " DELIVERY_COLUMNS ", " EVENT_COLUMNS                                     \
  " FROM notification_deliveries m JOIN notification_events e ON e.id = m.event_id" \
  " WHERE m.notification_id = :notification AND e.organization_key = :organization"

LoggedDelivery to_logged(const db::Row& row) {
  return {.delivery = to_delivery(row), .event = to_event(row, delivery_column_count)};
}

void add_attempts(db::Session& db, LoggedDelivery& logged) {
  logged.attempts =
      db.all(R"sql(
      SELECT number, started_at, took, status_code, error FROM notification_attempts
      WHERE delivery_id = :id ORDER BY number DESC LIMIT :most)sql",
             [](const db::Row& row) {
               return DeliveryAttempt{.number = row.get<std::int64_t>(0),
                                      .started_at = row.get<Instant>(1),
                                      .took = row.get<std::chrono::milliseconds>(2),
                                      .status_code = row.get<std::optional<int>>(3),
                                      .error = row.get<std::optional<std::string>>(4)};
             },
             {{"id", logged.delivery.id}, {"most", most_attempts}});
  std::reverse(logged.attempts.begin(), logged.attempts.end());
}

Error not_active() {
  return {Error::Kind::conflict, "The notification is not active.",
          "Make it active first: its status."};
}

}  // namespace

std::vector<LoggedDelivery> list_deliveries(db::Session& db, const OrganizationKey& organization,
                                            const NotificationId& notification,
                                            std::optional<Instant> before,
                                            std::string_view before_id, int limit) {
  std::string sql = FROM_THE_LOG;
  db::Params params = {
      {"notification", notification}, {"organization", organization}, {"limit", limit}};
  if (before) {
    sql += " AND (m.created_at, m.id) < (:before, :before_id)";
    params.emplace_back("before", *before);
    params.emplace_back("before_id", before_id);
  }
  auto logged =
      db.all(sql + " ORDER BY m.created_at DESC, m.id DESC LIMIT :limit", to_logged, params);
  for (LoggedDelivery& one : logged) add_attempts(db, one);
  return logged;
}

std::optional<LoggedDelivery> find_delivery(db::Session& db, const OrganizationKey& organization,
                                            const NotificationId& notification,
                                            const DeliveryId& id) {
  auto logged =
      db.one(FROM_THE_LOG " AND m.id = :id", to_logged,
             {{"notification", notification}, {"organization", organization}, {"id", id}});
  if (logged) add_attempts(db, *logged);
  return logged;
}

Result<void> replay_delivery(db::Session& db, const OrganizationKey& organization,
                             const NotificationId& notification, const DeliveryId& id,
                             Instant now) {
  const auto owner = find_notification(db, organization, notification);
  const auto found = find_delivery(db, organization, notification, id);
  if (!owner || !found) return Error{Error::Kind::not_found, "There is no such delivery."};
  if (!owner->active) return not_active();
  if (found->delivery.status == DeliveryStatus::gathered) {
    return Error{Error::Kind::conflict,
                 fmt::format("This was told together with others, in the delivery {}.",
                             found->delivery.gathered_in->text()),
                 "Replay that one."};
  }
  db.execute(
      "UPDATE notification_deliveries SET status = 'waiting', tries = 0, next_at = :now,"
      " ended_at = NULL WHERE id = :id",
      {{"now", now}, {"id", id}});
  db.execute("UPDATE notifications SET next_at = :now, held_until = NULL WHERE id = :id",
             {{"now", now}, {"id", notification}});
  db.tell(topics::notifications);
  return {};
}

Result<DeliveryId> add_test(db::Session& db, const Notification& notification,
                            std::string_view asked_by, Instant now) {
  if (!notification.active) return not_active();
  const auto recent = db.one(
      FROM_THE_LOG " AND e.kind = 'test' AND m.created_at > :since ORDER BY m.created_at LIMIT 1",
      to_logged,
      {{"notification", notification.id},
       {"organization", notification.organization},
       {"since", now - between_tests}});
  if (recent) {
    return Error{Error::Kind::conflict, "A test was sent less than 10 s ago.",
                 "Look at its delivery, or wait a moment."};
  }
  const auto event = new_id<NotificationEventId>();
  db.execute(R"sql(
      INSERT INTO notification_events (id, organization_key, project_key, deployment_key, kind,
        status, run_id, tasks, project_name, deployment_name, cause, handled, created_at)
      VALUES (:id, :organization, '', '', 'test', 'succeeded', '', '[]', '', '', :cause, 1, :now))sql",
             {{"id", event},
              {"organization", notification.organization},
              {"cause", fmt::format("asked for by {}", asked_by)},
              {"now", now}});
  const auto id = add_delivery(db,
                               {.notification = notification.id,
                                .event = event,
                                .recipient_hash = notification.recipient_hash,
                                .told = "succeeded",
                                .first_at = now,
                                .gathered_in = std::nullopt},
                               now);
  db.tell(topics::notifications);
  return *id;
}

}  // namespace cupola::store
