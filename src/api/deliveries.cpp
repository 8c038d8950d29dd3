#include "store/deliveries.h"

#include "api/cursor.h"
#include "api/handlers.h"
#include "api/input.h"
#include "api/notification_json.h"
#include "api/to_json.h"

namespace cupola::api {
namespace {

json::object to_json(const store::DeliveryAttempt& attempt) {
  return {{"number", attempt.number},
          {"started_at", to_rfc3339(attempt.started_at)},
          {"took_ms", attempt.took.count()},
          {"status_code", attempt.status_code ? json::value(*attempt.status_code) : json::value()},
          {"error", or_null(attempt.error)}};
}

json::object to_json(const store::LoggedDelivery& logged) {
  const auto& [delivery, event, attempts] = logged;
  json::array tried;
  for (const store::DeliveryAttempt& attempt : attempts) tried.emplace_back(to_json(attempt));
  return {{"id", delivery.id.text()},
          {"event", event.id.text()},
          {"event_type", event.kind},
          {"told", delivery.told},
          {"run", event.run ? json::value(event.run->text()) : json::value()},
          {"schedule", or_null(event.schedule)},
          {"status", store::to_text(delivery.status)},
          {"gathered_in",
           delivery.gathered_in ? json::value(delivery.gathered_in->text()) : json::value()},
          {"created_at", to_rfc3339(delivery.created_at)},
          {"next_at", or_null(delivery.next_at)},
          {"ended_at", or_null(delivery.ended_at)},
          {"attempt_count", delivery.attempts},
          {"attempts", std::move(tried)}};
}

Error no_delivery() {
  return {Error::Kind::not_found, "There is no such delivery.",
          "`cupola notification deliveries` shows those there are."};
}

Result<http::Reply> reply_with(const Call& call, db::Session& db, int status,
                               const store::NotificationId& notification,
                               const store::DeliveryId& id) {
  const auto logged = store::find_delivery(db, call.organization(), notification, id);
  if (!logged) return no_delivery();
  return json_reply(status, to_json(*logged));
}

}  // namespace

Result<http::Reply> test_notification(const Call& call) {
  const Body body(call, {});
  if (body.fault()) return *body.fault();
  auto reply = write_once(call, [&](db::Session& db) -> Result<http::Reply> {
    const auto notification = notification_of(call, db);
    if (!notification) return notification.error();
    const auto id = store::add_test(db, *notification, call.member.login, call.now);
    if (!id) return id.error();
    Names names(db);
    audit(call, db, change_of("test", names, nullptr, &*notification));
    return reply_with(call, db, 202, notification->id, *id);
  });
  call.context.hooks.wake_notifier();
  return reply;
}

Result<http::Reply> list_deliveries(const Call& call) {
  Query query(call);
  const int limit = query.limit();
  const auto after = time_cursor(query, "deliveries");
  if (query.fault()) return *query.fault();

  return call.context.database.read([&](db::Session& db) -> Result<http::Reply> {
    const auto notification = notification_of(call, db);
    if (!notification) return notification.error();
    const auto listed =
        store::list_deliveries(db, call.organization(), notification->id,
                               after ? std::optional(after->first) : std::nullopt,
                               after ? std::string_view(after->second) : "", limit + 1);
    json::array items;
    std::string next;
    for (std::size_t i = 0; i < listed.size(); ++i) {
      if (i == static_cast<std::size_t>(limit)) {
        const store::Delivery& last = listed[i - 1].delivery;
        next = time_cursor_of("deliveries", last.created_at, last.id.text());
        break;
      }
      items.emplace_back(to_json(listed[i]));
    }
    return list_reply("deliveries", std::move(items), next);
  });
}

Result<http::Reply> show_delivery(const Call& call) {
  return call.context.database.read([&](db::Session& db) -> Result<http::Reply> {
    const auto notification = notification_of(call, db);
    if (!notification) return notification.error();
    return reply_with(call, db, 200, notification->id, store::DeliveryId{call.in_path("delivery")});
  });
}

Result<http::Reply> replay_delivery(const Call& call) {
  const Body body(call, {});
  if (body.fault()) return *body.fault();
  auto reply = write_once(call, [&](db::Session& db) -> Result<http::Reply> {
    const auto notification = notification_of(call, db);
    if (!notification) return notification.error();
    const store::DeliveryId id{call.in_path("delivery")};
    const auto replayed =
        store::replay_delivery(db, call.organization(), notification->id, id, call.now);
    if (!replayed) return replayed.error();
    Names names(db);
    auto change = change_of("replay", names, nullptr, &*notification);
    change.after = {{"delivery", id.text()}};
    audit(call, db, change);
    return reply_with(call, db, 202, notification->id, id);
  });
  call.context.hooks.wake_notifier();
  return reply;
}

}  // namespace cupola::api
