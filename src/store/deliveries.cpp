#include "store/deliveries.h"

#include "store/columns.h"
#include "store/delivery_rows.h"
#include "store/notification_rows.h"
#include "store/topics.h"

namespace cupola::store {
namespace {

constexpr Words<DeliveryStatus, 5> status_words = {{{DeliveryStatus::waiting, "waiting"},
                                                    {DeliveryStatus::delivered, "delivered"},
                                                    {DeliveryStatus::failed, "failed"},
                                                    {DeliveryStatus::dropped, "dropped"},
                                                    {DeliveryStatus::gathered, "gathered"}}};

/// What a message tells besides its own event is bounded, as its length is.
constexpr int most_gathered = 200;

/// The queue's next message; the parts of the row that say who holds it are left alone.
constexpr std::string_view plan_sql = R"sql(
  UPDATE notifications SET next_at =
    (SELECT min(m.next_at) FROM notification_deliveries m
     WHERE m.notification_id = :id AND m.status = 'waiting')
  WHERE id = :id)sql";

void plan(db::Session& db, const NotificationId& notification) {
  db.execute(plan_sql, {{"id", notification}});
}

struct Held {
  Notification notification;
  std::int64_t token = 0;
};

constexpr std::size_t notification_column_count = 16;

// RETURNING knows no alias: ids first, the rows then, all in one transaction.
constexpr std::string_view claim_sql = R"sql(
  UPDATE notifications SET worker = :worker, claim_token = claim_token + 1, claim_ends = :ends
  WHERE id IN (
    SELECT id FROM notifications
    WHERE next_at <= :now AND coalesce(held_until, 0) <= :now AND coalesce(claim_ends, 0) <= :now
    ORDER BY next_at, id LIMIT :most /* pg: FOR UPDATE SKIP LOCKED */)
  RETURNING id)sql";

std::optional<Claim> due_message(db::Session& db, const Held& held, Instant now) {
  auto claim = db.one("SELECT " DELIVERY_COLUMNS ", " EVENT_COLUMNS R"sql(
      FROM notification_deliveries m JOIN notification_events e ON e.id = m.event_id
      WHERE m.notification_id = :id AND m.status = 'waiting' AND m.next_at <= :now
      ORDER BY m.next_at, m.id LIMIT 1)sql",
                      [&](const db::Row& row) {
                        return Claim{.notification = held.notification,
                                     .token = held.token,
                                     .delivery = to_delivery(row),
                                     .event = to_event(row, delivery_column_count)};
                      },
                      {{"id", held.notification.id}, {"now", now}});
  if (!claim) return claim;
  claim->gathered = db.all("SELECT " EVENT_COLUMNS R"sql(
      FROM notification_deliveries m JOIN notification_events e ON e.id = m.event_id
      WHERE m.gathered_in = :id ORDER BY e.created_at, e.id LIMIT :most)sql",
                           to_event_alone, {{"id", claim->delivery.id}, {"most", most_gathered}});
  return claim;
}

}  // namespace

std::string_view to_text(DeliveryStatus status) {
  return word_for(status_words, status);
}

Delivery to_delivery(const db::Row& row) {
  return {.id = row.get<DeliveryId>(0),
          .notification = row.get<NotificationId>(1),
          .event = row.get<NotificationEventId>(2),
          .status = value_in_column(status_words, row.get<std::string_view>(3)),
          .told = row.get<std::string>(4),
          .gathered_in = row.get<std::optional<DeliveryId>>(5),
          .tries = row.get<int>(6),
          .attempts = row.get<int>(7),
          .next_at = row.get<std::optional<Instant>>(8),
          .created_at = row.get<Instant>(9),
          .ended_at = row.get<std::optional<Instant>>(10)};
}

std::optional<DeliveryId> add_delivery(db::Session& db, const NewDelivery& wanted, Instant now) {
  const auto id = new_id<DeliveryId>();
  const bool waits = !wanted.gathered_in;
  const auto added = db.execute(R"sql(
      INSERT INTO notification_deliveries (id, notification_id, event_id, recipient_hash, status,
        told, gathers, gathered_in, tries, attempts, next_at, created_at)
      VALUES (:id, :notification, :event, :hash, :status, :told, :gathers, :gathered_in, 0, 0,
        :next_at, :now)
      ON CONFLICT (event_id, recipient_hash) DO NOTHING)sql",
                                {{"id", id},
                                 {"notification", wanted.notification},
                                 {"event", wanted.event},
                                 {"hash", wanted.recipient_hash},
                                 {"status", waits ? "waiting" : "gathered"},
                                 {"told", wanted.told},
                                 {"gathers", wanted.gathers},
                                 {"gathered_in", wanted.gathered_in},
                                 {"next_at", waits ? std::optional{wanted.first_at} : std::nullopt},
                                 {"now", now}});
  if (added == 0) return std::nullopt;
  if (waits) {
    db.execute(R"sql(
        UPDATE notifications SET next_at = :first_at
        WHERE id = :id AND (next_at IS NULL OR next_at > :first_at))sql",
               {{"first_at", wanted.first_at}, {"id", wanted.notification}});
  }
  return id;
}

RecentFailures recent_failures(db::Session& db, const NotificationId& notification, Instant since) {
  return *db.one(R"sql(
      SELECT count(*), coalesce(min(created_at), 0) FROM notification_deliveries
      WHERE notification_id = :notification AND created_at > :since AND told = 'failed')sql",
                 [](const db::Row& row) {
                   return RecentFailures{.count = row.get<std::int64_t>(0),
                                         .first = row.get<Instant>(1)};
                 },
                 {{"notification", notification}, {"since", since}});
}

std::optional<DeliveryId> find_gathering(db::Session& db, const NotificationId& notification,
                                         Instant now) {
  return db.one(R"sql(
      SELECT id FROM notification_deliveries
      WHERE notification_id = :notification AND status = 'waiting' AND gathers = 1 AND attempts = 0
        AND next_at > :now
      ORDER BY next_at LIMIT 1)sql",
                [](const db::Row& row) { return row.get<DeliveryId>(0); },
                {{"notification", notification}, {"now", now}});
}

std::vector<Claim> claim_recipients(db::Session& db, std::string_view worker, int most, Instant now,
                                    Instant ends) {
  const auto ids = db.all(claim_sql, [](const db::Row& row) { return row.get<NotificationId>(0); },
                          {{"worker", worker}, {"ends", ends}, {"now", now}, {"most", most}});
  std::vector<Claim> claims;
  for (const NotificationId& id : ids) {
    const auto held = db.one(
        "SELECT " NOTIFICATION_COLUMNS ", n.claim_token FROM notifications n WHERE n.id = :id",
        [](const db::Row& row) {
          return Held{.notification = to_notification(row),
                      .token = row.get<std::int64_t>(notification_column_count)};
        },
        {{"id", id}});
    auto claim = due_message(db, *held, now);
    if (claim) {
      claims.push_back(*std::move(claim));
      continue;
    }
    plan(db, id);
    db.execute("UPDATE notifications SET worker = NULL, claim_ends = NULL WHERE id = :id",
               {{"id", id}});
  }
  return claims;
}

std::optional<Instant> next_delivery_due(db::Session& db, Instant now) {
  return db.one(R"sql(
      SELECT CASE WHEN coalesce(held_until, 0) > next_at THEN held_until ELSE next_at END
      FROM notifications WHERE next_at IS NOT NULL AND coalesce(claim_ends, 0) <= :now
      ORDER BY 1 LIMIT 1)sql",
                [](const db::Row& row) { return row.get<Instant>(0); }, {{"now", now}});
}

void release_claims(db::Session& db, std::string_view worker) {
  db.execute(
      "UPDATE notifications SET worker = NULL, claim_ends = NULL,"
      " claim_token = claim_token + 1 WHERE worker = :worker",
      {{"worker", worker}});
}

bool finish_attempt(db::Session& db, const Claim& claim, const DeliveryAttempt& attempt,
                    const AfterAttempt& after, Instant now) {
  const NotificationId& id = claim.notification.id;
  const auto held =
      db.execute(R"sql(
      UPDATE notifications SET worker = NULL, claim_ends = NULL,
        held_until = coalesce(:held_until, held_until)
      WHERE id = :id AND claim_token = :token AND worker IS NOT NULL)sql",
                 {{"held_until", after.held_until}, {"id", id}, {"token", claim.token}});
  if (held == 0) return false;
  const auto number = db.one(
      R"sql(
      UPDATE notification_deliveries SET tries = tries + 1, attempts = attempts + 1,
        status = :status, next_at = :next_at, ended_at = :ended_at
      WHERE id = :id AND status = 'waiting' RETURNING attempts)sql",
      [](const db::Row& row) { return row.get<std::int64_t>(0); },
      {{"status", to_text(after.status)},
       {"next_at", after.next_at},
       {"ended_at", after.status == DeliveryStatus::waiting ? std::nullopt : std::optional{now}},
       {"id", claim.delivery.id}});
  if (number) {
    db.execute(R"sql(
        INSERT INTO notification_attempts (delivery_id, number, started_at, took, status_code, error)
        VALUES (:delivery, :number, :started_at, :took, :status_code, :error))sql",
               {{"delivery", claim.delivery.id},
                {"number", *number},
                {"started_at", attempt.started_at},
                {"took", attempt.took},
                {"status_code", attempt.status_code},
                {"error", attempt.error}});
  }
  if (after.deactivated) {
    db.execute(
        "UPDATE notifications SET active = 0, inactive_reason = :reason, updated_at = :now"
        " WHERE id = :id",
        {{"reason", *after.deactivated}, {"now", now}, {"id", id}});
    drop_waiting(db, id, now);
  }
  plan(db, id);
  return true;
}

void drop_waiting(db::Session& db, const NotificationId& notification, Instant now) {
  db.execute(
      "UPDATE notification_deliveries SET status = 'dropped', next_at = NULL, ended_at = :now"
      " WHERE notification_id = :id AND status = 'waiting'",
      {{"now", now}, {"id", notification}});
  plan(db, notification);
}

}  // namespace cupola::store
