#pragma once

/// Notifications: who is told what, by webhook or e-mail.
///
/// One for each scope and recipient. A row is also the queue of its recipient (store/deliveries.h).

#include <optional>
#include <string>
#include <vector>

#include "base/id.h"
#include "base/outcome.h"
#include "base/secret.h"
#include "base/time.h"
#include "db/database.h"
#include "store/notification_filters.h"
#include "store/vault.h"

namespace cupola::store {

using NotificationId = Id<struct NotificationIdTag>;

enum class NotificationType { webhook, email };
std::string_view to_text(NotificationType type);
std::optional<NotificationType> parse_notification_type(std::string_view text);

/// What a webhook's body is. `page` is that of the concept page, signed.
enum class PayloadFormat { page, slack, teams, pagerduty };
std::string_view to_text(PayloadFormat format);
std::optional<PayloadFormat> parse_payload_format(std::string_view text);

struct NotificationScope {
  std::optional<ProjectKey> project;        ///< none: the whole organization
  std::optional<DeploymentKey> deployment;  ///< none: all of the project
};

struct Notification {
  NotificationId id;
  OrganizationKey organization;
  NotificationScope scope;
  NotificationType type = NotificationType::webhook;
  std::string recipient;       ///< URL or address
  std::string recipient_hash;  ///< SHA-256 of it, 64 hex digits
  PayloadFormat format = PayloadFormat::page;
  std::vector<NotificationFilter> filters;
  bool only_on_change = false;
  bool active = true;
  std::optional<std::string> inactive_reason;  ///< why nobody is told
  std::optional<std::string> sealed_secret;
  std::int64_t secret_version = 0;
  Instant created_at;
  Instant updated_at;
};

struct NewNotification {
  OrganizationKey organization;
  NotificationScope scope;
  NotificationType type = NotificationType::webhook;
  std::string recipient;
  PayloadFormat format = PayloadFormat::page;
  std::vector<NotificationFilter> filters;
  bool only_on_change = false;
};
/// Makes it, or gives the one with this scope and recipient these settings, and makes it active;
/// its secret stays. Errors: conflict (the organization has as many as it may).
struct SetNotification {
  Notification notification;
  bool is_new = false;
};
Result<SetNotification> set_notification(db::Session& db, const NewNotification& wanted,
                                         Instant now);

std::optional<Notification> find_notification(db::Session& db, const OrganizationKey& organization,
                                              const NotificationId& id);
/// Of exactly this scope, by the hash of its recipient.
std::optional<Notification> find_notification(db::Session& db, const OrganizationKey& organization,
                                              const NotificationScope& scope,
                                              std::string_view recipient_hash);
/// In the order in which they were made, after `after`; with a project or deployment, what is of
/// it.
std::vector<Notification> list_notifications(db::Session& db, const OrganizationKey& organization,
                                             const NotificationScope& within,
                                             std::string_view after, int limit);
/// The active ones that the deployment's events may concern.
std::vector<Notification> list_listeners(db::Session& db, const OrganizationKey& organization,
                                         const NotificationScope& of);
/// Organizations with an active notification that asks for what is late.
std::vector<OrganizationKey> list_organizations_that_want_late(db::Session& db);

/// Keeps recipient, format, filters, only_on_change, active and inactive_reason as they are given.
/// What waits for a recipient that is no longer active is dropped. Errors: not_found, conflict
/// (another one of the scope has the recipient).
Result<Notification> change_notification(db::Session& db, const Notification& changed, Instant now);
/// With its messages and their log.
bool delete_notification(db::Session& db, const OrganizationKey& organization,
                         const NotificationId& id);
/// All of the deployment, or of the project.
void delete_notifications_of(db::Session& db, const OrganizationKey& organization,
                             const NotificationScope& of);

/// Seals and keeps it in place of the one before.
void set_secret_of(db::Session& db, const Vault& vault, const Notification& notification,
                   const Secret& secret);
/// Empty when there is none. Throws Failure when it cannot be opened.
std::optional<Secret> secret_of(const Vault& vault, const Notification& notification);

}  // namespace cupola::store
