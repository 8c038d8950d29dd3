#include "store/notifications.h"

#include <fmt/format.h>

#include "base/digest.h"
#include "store/columns.h"
#include "store/notification_rows.h"
#include "store/resealing.h"

namespace cupola::store {
namespace {

/// So that one event is not turned into messages without end.
constexpr std::int64_t most_notifications = 1000;

constexpr Words<NotificationType, 2> type_words = {
    {{NotificationType::webhook, "webhook"}, {NotificationType::email, "email"}}};
constexpr Words<PayloadFormat, 4> format_words = {{{PayloadFormat::page, "page"},
                                                   {PayloadFormat::slack, "slack"},
                                                   {PayloadFormat::teams, "teams"},
                                                   {PayloadFormat::pagerduty, "pagerduty"}}};

std::vector<NotificationFilter> filters_from(std::string_view column) {
  const auto value = parse_json(column);
  auto filters = value ? parse_filters(*value) : value.error();
  if (!filters) {
    throw Failure("The database holds something else than filters: " +
                  std::string(column.substr(0, 100)));
  }
  return *std::move(filters);
}

std::string context_of(std::string_view organization, std::string_view id, std::int64_t version) {
  return fmt::format("notification/{}/{}/{}", organization, id, version);
}

std::string context_of(const Notification& notification, std::int64_t version) {
  return context_of(notification.organization.text(), notification.id.text(), version);
}

/// Messages of the notifications that the condition names, then those themselves.
void delete_where(db::Session& db, const std::string& condition, const db::Params& params) {
  const std::string chosen = "(SELECT id FROM notifications WHERE " + condition + ")";
  const std::string deliveries =
      "(SELECT id FROM notification_deliveries WHERE notification_id IN " + chosen + ")";
  db.execute("DELETE FROM notification_attempts WHERE delivery_id IN " + deliveries, params);
  db.execute("DELETE FROM notification_deliveries WHERE notification_id IN " + chosen, params);
  db.execute("DELETE FROM notifications WHERE " + condition, params);
}

}  // namespace

std::string_view to_text(NotificationType type) {
  return word_for(type_words, type);
}
std::optional<NotificationType> parse_notification_type(std::string_view text) {
  return value_for(type_words, text);
}
std::string_view to_text(PayloadFormat format) {
  return word_for(format_words, format);
}
std::optional<PayloadFormat> parse_payload_format(std::string_view text) {
  return value_for(format_words, text);
}

Notification to_notification(const db::Row& row) {
  return {.id = row.get<NotificationId>(0),
          .organization = row.get<OrganizationKey>(1),
          .scope = {.project = key_or_none<ProjectKey>(row.get<std::string_view>(2)),
                    .deployment = key_or_none<DeploymentKey>(row.get<std::string_view>(3))},
          .type = value_in_column(type_words, row.get<std::string_view>(4)),
          .recipient = row.get<std::string>(5),
          .recipient_hash = row.get<std::string>(6),
          .format = value_in_column(format_words, row.get<std::string_view>(7)),
          .filters = filters_from(row.get<std::string_view>(8)),
          .only_on_change = row.get<bool>(9),
          .active = row.get<bool>(10),
          .inactive_reason = row.get<std::optional<std::string>>(11),
          .sealed_secret = row.get<std::optional<std::string>>(12),
          .secret_version = row.get<std::int64_t>(13),
          .created_at = row.get<Instant>(14),
          .updated_at = row.get<Instant>(15)};
}

Result<SetNotification> set_notification(db::Session& db, const NewNotification& wanted,
                                         Instant now) {
  const std::string hash = sha256_hex(wanted.recipient);
  const auto id = new_id<NotificationId>();
  const auto added = db.execute(R"sql(
      INSERT INTO notifications (id, organization_key, project_key, deployment_key, type, recipient,
        recipient_hash, format, filters, only_on_change, wants_late, secret_version, active,
        claim_token, created_at, updated_at)
      SELECT :id, :organization, :project, :deployment, :type, :recipient, :hash, :format, :filters,
        :only_on_change, :wants_late, 0, 1, 0, :now, :now
      WHERE (SELECT count(*) FROM notifications WHERE organization_key = :organization) < :most
      ON CONFLICT (organization_key, project_key, deployment_key, recipient_hash) DO NOTHING)sql",
                                {{"id", id},
                                 {"organization", wanted.organization},
                                 {"project", text_of(wanted.scope.project)},
                                 {"deployment", text_of(wanted.scope.deployment)},
                                 {"type", to_text(wanted.type)},
                                 {"recipient", wanted.recipient},
                                 {"hash", hash},
                                 {"format", to_text(wanted.format)},
                                 {"filters", json::serialize(to_json(wanted.filters))},
                                 {"only_on_change", wanted.only_on_change},
                                 {"wants_late", names_status(wanted.filters, "late")},
                                 {"most", most_notifications},
                                 {"now", now}});
  auto found = find_notification(db, wanted.organization, wanted.scope, hash);
  if (!found) {
    return Error{Error::Kind::conflict,
                 fmt::format("The organization has {} notifications, and may not have more.",
                             most_notifications),
                 "Delete one that nobody reads."};
  }
  if (added == 1) return SetNotification{.notification = *std::move(found), .is_new = true};
  found->type = wanted.type;
  found->format = wanted.format;
  found->filters = wanted.filters;
  found->only_on_change = wanted.only_on_change;
  found->active = true;
  found->inactive_reason.reset();
  auto changed = change_notification(db, *found, now);
  if (!changed) return changed.error();
  return SetNotification{.notification = *std::move(changed), .is_new = false};
}

std::optional<Notification> find_notification(db::Session& db, const OrganizationKey& organization,
                                              const NotificationId& id) {
  return db.one("SELECT " NOTIFICATION_COLUMNS
                " FROM notifications n WHERE n.organization_key = :organization AND n.id = :id",
                to_notification, {{"organization", organization}, {"id", id}});
}

std::optional<Notification> find_notification(db::Session& db, const OrganizationKey& organization,
                                              const NotificationScope& scope,
                                              std::string_view recipient_hash) {
  return db.one("SELECT " NOTIFICATION_COLUMNS R"sql( FROM notifications n
      WHERE n.organization_key = :organization AND n.project_key = :project
        AND n.deployment_key = :deployment AND n.recipient_hash = :hash)sql",
                to_notification,
                {{"organization", organization},
                 {"project", text_of(scope.project)},
                 {"deployment", text_of(scope.deployment)},
                 {"hash", recipient_hash}});
}

std::vector<Notification> list_notifications(db::Session& db, const OrganizationKey& organization,
                                             const NotificationScope& within,
                                             std::string_view after, int limit) {
  std::string sql = "SELECT " NOTIFICATION_COLUMNS
                    " FROM notifications n WHERE n.organization_key = :organization"
                    " AND n.id > :after";
  db::Params params = {{"organization", organization}, {"after", after}, {"limit", limit}};
  if (within.project) {
    sql += " AND n.project_key = :project";
    params.emplace_back("project", *within.project);
  }
  if (within.deployment) {
    sql += " AND n.deployment_key = :deployment";
    params.emplace_back("deployment", *within.deployment);
  }
  return db.all(sql + " ORDER BY n.id LIMIT :limit", to_notification, params);
}

std::vector<Notification> list_listeners(db::Session& db, const OrganizationKey& organization,
                                         const NotificationScope& of) {
  return db.all("SELECT " NOTIFICATION_COLUMNS R"sql( FROM notifications n
      WHERE n.organization_key = :organization AND n.active = 1
        AND (n.project_key = '' OR n.project_key = :project)
        AND (n.deployment_key = '' OR n.deployment_key = :deployment)
      ORDER BY n.id)sql",
                to_notification,
                {{"organization", organization},
                 {"project", text_of(of.project)},
                 {"deployment", text_of(of.deployment)}});
}

std::vector<OrganizationKey> list_organizations_that_want_late(db::Session& db) {
  return db.all(
      "SELECT DISTINCT organization_key FROM notifications WHERE wants_late = 1 AND active = 1",
      [](const db::Row& row) { return row.get<OrganizationKey>(0); });
}

Result<Notification> change_notification(db::Session& db, const Notification& changed,
                                         Instant now) {
  const std::string hash = sha256_hex(changed.recipient);
  const auto taken = find_notification(db, changed.organization, changed.scope, hash);
  if (taken && taken->id != changed.id) {
    return Error{Error::Kind::conflict,
                 "Another notification of the same scope has this recipient.",
                 "Change that one, or delete it first."};
  }
  const auto done = db.execute(R"sql(
      UPDATE notifications SET type = :type, recipient = :recipient, recipient_hash = :hash,
        format = :format, filters = :filters, only_on_change = :only_on_change,
        wants_late = :wants_late, active = :active, inactive_reason = :inactive_reason,
        updated_at = :now
      WHERE organization_key = :organization AND id = :id)sql",
                               {{"type", to_text(changed.type)},
                                {"recipient", changed.recipient},
                                {"hash", hash},
                                {"format", to_text(changed.format)},
                                {"filters", json::serialize(to_json(changed.filters))},
                                {"only_on_change", changed.only_on_change},
                                {"wants_late", names_status(changed.filters, "late")},
                                {"active", changed.active},
                                {"inactive_reason", changed.inactive_reason},
                                {"now", now},
                                {"organization", changed.organization},
                                {"id", changed.id}});
  if (done == 0) return Error{Error::Kind::not_found, "There is no such notification."};
  if (!changed.active) drop_waiting(db, changed.id, now);
  return *find_notification(db, changed.organization, changed.id);
}

bool delete_notification(db::Session& db, const OrganizationKey& organization,
                         const NotificationId& id) {
  if (!find_notification(db, organization, id)) return false;
  delete_where(db, "organization_key = :organization AND id = :id",
               {{"organization", organization}, {"id", id}});
  return true;
}

void delete_notifications_of(db::Session& db, const OrganizationKey& organization,
                             const NotificationScope& of) {
  if (of.deployment) {
    delete_where(db, "organization_key = :organization AND deployment_key = :deployment",
                 {{"organization", organization}, {"deployment", *of.deployment}});
  } else if (of.project) {
    delete_where(db, "organization_key = :organization AND project_key = :project",
                 {{"organization", organization}, {"project", *of.project}});
  }
}

void set_secret_of(db::Session& db, const Vault& vault, const Notification& notification,
                   const Secret& secret) {
  const std::int64_t version = notification.secret_version + 1;
  db.execute("UPDATE notifications SET secret = :secret, secret_version = :version WHERE id = :id",
             {{"secret", vault.seal(db, secret, context_of(notification, version))},
              {"version", version},
              {"id", notification.id}});
}

std::optional<Secret> secret_of(const Vault& vault, const Notification& notification) {
  if (!notification.sealed_secret) return std::nullopt;
  return vault.open_sealed(*notification.sealed_secret,
                           context_of(notification, notification.secret_version));
}

void reseal_notifications(db::Session& db, Resealing& with) {
  struct Sealed {
    std::string id, secret, context;
  };
  const auto all = db.all(
      R"sql(
      SELECT id, secret, organization_key, secret_version FROM notifications
      WHERE secret IS NOT NULL ORDER BY id /* pg: FOR UPDATE */)sql",
      [](const db::Row& row) {
        const auto id = row.get<std::string>(0);
        return Sealed{id, row.get<std::string>(1),
                      context_of(row.get<std::string_view>(2), id, row.get<std::int64_t>(3))};
      });
  for (const Sealed& sealed : all) {
    db.execute("UPDATE notifications SET secret = :secret WHERE id = :id",
               {{"secret", with.reseal(sealed.secret, sealed.context)}, {"id", sealed.id}});
  }
}

}  // namespace cupola::store
