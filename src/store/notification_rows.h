#pragma once

/// How notifications and events lie in their tables, for the files of this module.

#include "store/notification_events.h"
#include "store/notifications.h"

#define NOTIFICATION_COLUMNS                                                               \
  "n.id, n.organization_key, n.project_key, n.deployment_key, n.type, n.recipient, "       \
  "n.recipient_hash, n.format, n.filters, n.only_on_change, n.active, n.inactive_reason, " \
  "n.secret, n.secret_version, n.created_at, n.updated_at"

#define EVENT_COLUMNS                                                                       \
  "e.id, e.organization_key, e.project_key, e.deployment_key, e.kind, e.status, e.run_id, " \
  "e.schedule_name, e.tasks, e.project_name, e.deployment_name, e.cause, e.cancel_code, "   \
  "e.created_at, e.told_always"

namespace cupola::store {

Notification to_notification(const db::Row& row);

/// From the column `first` on.
NotificationEvent to_event(const db::Row& row, std::size_t first);
inline NotificationEvent to_event_alone(const db::Row& row) {
  return to_event(row, 0);
}

/// Ends what waits for the recipient as dropped.
void drop_waiting(db::Session& db, const NotificationId& notification, Instant now);

/// The key, or nothing for the empty text.
template <typename Key>
std::optional<Key> key_or_none(std::string_view text) {
  if (text.empty()) return std::nullopt;
  return Key{std::string(text)};
}
template <typename Key>
std::string text_of(const std::optional<Key>& key) {
  return key ? key->text() : "";
}

}  // namespace cupola::store
