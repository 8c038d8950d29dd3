#include "store/notifications.h"

#include "api/cursor.h"
#include "api/handlers.h"
#include "api/input.h"
#include "api/lookup.h"
#include "api/notification_json.h"
#include "api/to_json.h"
#include "base/digest.h"
#include "base/text.h"
#include "notify/mail.h"
#include "notify/signature.h"

namespace cupola::api {
namespace {

constexpr std::size_t longest_recipient = 2000;
constexpr std::size_t longest_routing_key = 200;

/// What a caller may say about a notification, read and checked; what is absent is empty.
struct Wanted {
  std::optional<std::vector<store::NotificationFilter>> filters;
  std::optional<store::PayloadFormat> format;
  std::optional<bool> only_on_change;
  std::optional<Secret> routing_key;
};

/// The recipient in its plain form. Errors: invalid, naming the member.
Result<std::string> check_recipient(const Call& call, store::NotificationType type,
                                    const std::string& given) {
  auto checked = type == store::NotificationType::email ? notify::check_address(given)
                                                        : call.context.hooks.check_receiver(given);
  if (checked) return checked;
  return Error{checked.error().kind, "\"recipient\": " + checked.error().message,
               checked.error().hint};
}

Wanted read_settings(Body& body) {
  Wanted wanted;
  if (body.has("filters")) {
    auto filters = store::parse_filters(body.value("filters"));
    if (filters) {
      wanted.filters = *std::move(filters);
    } else {
      body.refuse(filters.error());
    }
  }
  if (const std::string text = body.optional_text("format", 20); !text.empty()) {
    wanted.format = store::parse_payload_format(text);
    if (!wanted.format) {
      body.refuse("\"format\" is " + cupola::quoted(text) + ", which is not known.",
                  "Known are: page, slack, teams, pagerduty.");
    }
  }
  if (body.has("only_on_change")) wanted.only_on_change = body.flag("only_on_change");
  if (const std::string key = body.optional_text("routing_key", longest_routing_key);
      !key.empty()) {
    if (has_control(key)) body.refuse("\"routing_key\" has control characters.");
    wanted.routing_key = Secret(key);
  }
  return wanted;
}

/// "project" and "deployment" of the body. Errors: not_found; invalid (a deployment alone).
Result<store::NotificationScope> scope_in(const Call& call, db::Session& db,
                                          const std::string& project_name,
                                          const std::string& deployment_name) {
  store::NotificationScope scope;
  if (project_name.empty() && !deployment_name.empty()) {
    return Error{Error::Kind::invalid, "\"deployment\" is there without \"project\".",
                 "Name the project of the deployment too."};
  }
  if (project_name.empty()) return scope;
  const auto project = store::find_project(db, call.organization(), project_name);
  if (!project) {
    return Error{Error::Kind::not_found,
                 "There is no project " + cupola::quoted(project_name) + " here."};
  }
  scope.project = project->key;
  if (deployment_name.empty()) return scope;
  const auto deployment =
      store::find_deployment(db, call.organization(), project->key, deployment_name);
  if (!deployment) {
    return Error{Error::Kind::not_found,
                 "There is no deployment " + cupola::quoted(deployment_name) + " here."};
  }
  scope.deployment = deployment->key;
  return scope;
}

Result<void> check_format(store::NotificationType type, store::PayloadFormat format,
                          bool has_routing_key) {
  if (type == store::NotificationType::email && format != store::PayloadFormat::page) {
    return Error{Error::Kind::invalid, "\"format\" is for webhooks alone.",
                 "Leave it out: a mail has its own form."};
  }
  if ((format == store::PayloadFormat::pagerduty) != has_routing_key) {
    return Error{Error::Kind::invalid,
                 "\"routing_key\" belongs to the format pagerduty, and to no other.",
                 "It is the integration key of the service at PagerDuty."};
  }
  return {};
}

/// Gives the notification the secret that it should have, where it has none, or `anew`; what the
/// caller is to be shown of it.
std::optional<Secret> provide_secret(const Call& call, db::Session& db,
                                     const store::Notification& notification, const Wanted& wanted,
                                     bool anew) {
  if (notification.type != store::NotificationType::webhook) return std::nullopt;
  if (notification.format == store::PayloadFormat::pagerduty) {
    if (wanted.routing_key) {
      store::set_secret_of(db, call.context.vault, notification, *wanted.routing_key);
    }
    return std::nullopt;
  }
  if (notification.format != store::PayloadFormat::page) return std::nullopt;
  if (notification.sealed_secret && !anew) return std::nullopt;
  Secret secret = notify::new_webhook_secret();
  store::set_secret_of(db, call.context.vault, notification, secret);
  return secret;
}

/// The path of a webhook's URL may let one post there.
std::string without_path(const store::Notification& notification) {
  if (notification.type != store::NotificationType::webhook) return notification.recipient;
  const auto host = notification.recipient.find("://");
  return notification.recipient.substr(0, notification.recipient.find_first_of("/?", host + 3)) +
         "/…";
}

json::object to_json(const store::Notification& notification, Names& names,
                     const std::string& recipient) {
  const auto& [project, deployment] = notification.scope;
  return {
      {"id", notification.id.text()},
      {"type", store::to_text(notification.type)},
      {"recipient", json_text(recipient)},
      {"project", project ? json::value(names.project(*project).name) : json::value()},
      {"deployment", deployment ? json::value(names.deployment(*deployment).name) : json::value()},
      {"status", notification.active ? "active" : "inactive"},
      {"inactive_reason", or_null(notification.inactive_reason)},
      {"format", store::to_text(notification.format)},
      {"filters", store::to_json(notification.filters)},
      {"only_on_change", notification.only_on_change},
      {"created_at", to_rfc3339(notification.created_at)},
      {"updated_at", to_rfc3339(notification.updated_at)}};
}

http::Reply reply_with(const Call& call, Names& names, int status,
                       const store::Notification& notification,
                       const std::optional<Secret>& secret) {
  json::object shown = to_json(notification, names, call);
  if (secret) shown["secret"] = secret->reveal();
  return json_reply(status, shown);
}

}  // namespace

Result<store::Notification> notification_of(const Call& call, db::Session& db) {
  auto found = store::find_notification(db, call.organization(),
                                        store::NotificationId{call.in_path("notification")});
  if (found) return *std::move(found);
  return Error{Error::Kind::not_found, "There is no such notification.",
               "`cupola notification list` shows those there are."};
}

json::object to_json(const store::Notification& notification, Names& names, const Call& call) {
  const bool may_see_all = call.member.role >= store::Role::maintainer;
  return to_json(notification, names,
                 may_see_all ? notification.recipient : without_path(notification));
}

Change change_of(const std::string& verb, Names& names, const store::Notification* before,
                 const store::Notification* after) {
  const store::Notification& notification = after == nullptr ? *before : *after;
  const auto& [project, deployment] = notification.scope;
  Change change{.action = "notification." + verb,
                .name = without_path(notification),
                .id = notification.id.text()};
  if (project) change.project = names.project(*project).name;
  if (deployment) change.deployment = names.deployment(*deployment).name;
  if (before != nullptr) change.before = to_json(*before, names, without_path(*before));
  if (after != nullptr) change.after = to_json(*after, names, without_path(*after));
  return change;
}

Result<http::Reply> list_notifications(const Call& call) {
  Query query(call);
  const int limit = query.limit();
  const std::string after = name_cursor(query, "notifications");
  if (query.fault()) return *query.fault();

  return call.context.database.read([&](db::Session& db) -> Result<http::Reply> {
    const Result<Scope> scope = scope_of(call, db);
    if (!scope) return scope.error();
    const auto listed = store::list_notifications(
        db, call.organization(), {.project = scope->project, .deployment = scope->deployment},
        after, limit + 1);
    Names names(db);
    json::array items;
    std::string next;
    for (std::size_t i = 0; i < listed.size(); ++i) {
      if (i == static_cast<std::size_t>(limit)) {
        next = name_cursor_of("notifications", listed[i - 1].id.text());
        break;
      }
      items.emplace_back(to_json(listed[i], names, call));
    }
    return list_reply("notifications", std::move(items), next);
  });
}

/// POST …/notifications gives 201 with the new one and its secret, which is never shown again; or
/// 200 with the one that had this scope and recipient, changed. It keeps no reply for an
/// Idempotency-Key, which would keep the secret: a second post is harmless.
Result<http::Reply> set_notification(const Call& call) {
  Body body(call, {"type", "recipient", "project", "deployment", "filters", "format",
                   "only_on_change", "routing_key"});
  const auto type = store::parse_notification_type(body.text("type", 20));
  if (!type) body.refuse("\"type\" must be webhook or email.");
  const std::string given = body.text("recipient", longest_recipient);
  const Wanted wanted = read_settings(body);
  const std::string project = body.optional_text("project", 200);
  const std::string deployment = body.optional_text("deployment", 200);
  if (body.fault()) return *body.fault();
  const auto recipient = check_recipient(call, *type, given);
  if (!recipient) return recipient.error();
  const auto format = wanted.format.value_or(store::PayloadFormat::page);
  if (const auto checked = check_format(*type, format, wanted.routing_key.has_value()); !checked) {
    return checked.error();
  }

  return call.context.database.write([&](db::Session& db) -> Result<http::Reply> {
    const auto scope = scope_in(call, db, project, deployment);
    if (!scope) return scope.error();
    const auto before =
        store::find_notification(db, call.organization(), *scope, sha256_hex(*recipient));
    const auto set = store::set_notification(
        db,
        {.organization = call.organization(),
         .scope = *scope,
         .type = *type,
         .recipient = *recipient,
         .format = format,
         .filters = wanted.filters.value_or(std::vector<store::NotificationFilter>{}),
         .only_on_change = wanted.only_on_change.value_or(false)},
        call.now);
    if (!set) return set.error();
    Names names(db);
    audit(call, db,
          change_of(set->is_new ? "create" : "change", names, before ? &*before : nullptr,
                    &set->notification));
    const auto secret = provide_secret(call, db, set->notification, wanted, false);
    return reply_with(call, names, set->is_new ? 201 : 200, set->notification, secret);
  });
}

Result<http::Reply> show_notification(const Call& call) {
  return call.context.database.read([&](db::Session& db) -> Result<http::Reply> {
    const auto notification = notification_of(call, db);
    if (!notification) return notification.error();
    Names names(db);
    return reply_with(call, names, 200, *notification, std::nullopt);
  });
}

Result<http::Reply> change_notification(const Call& call) {
  Body body(call, {"status", "recipient", "filters", "format", "only_on_change", "routing_key",
                   "new_secret"});
  const Wanted wanted = read_settings(body);
  const std::string status = body.optional_text("status", 20);
  if (!status.empty() && status != "active" && status != "inactive") {
    body.refuse("\"status\" must be active or inactive.");
  }
  const std::string recipient = body.optional_text("recipient", longest_recipient);
  const bool new_secret = body.flag("new_secret");
  if (body.fault()) return *body.fault();

  return call.context.database.write([&](db::Session& db) -> Result<http::Reply> {
    auto found = notification_of(call, db);
    if (!found) return found.error();
    const store::Notification before = *found;
    store::Notification changed = *std::move(found);
    if (!recipient.empty()) {
      const auto plain = check_recipient(call, changed.type, recipient);
      if (!plain) return plain.error();
      changed.recipient = *plain;
    }
    if (wanted.filters) changed.filters = *wanted.filters;
    if (wanted.only_on_change) changed.only_on_change = *wanted.only_on_change;
    const bool was_pagerduty = changed.format == store::PayloadFormat::pagerduty;
    if (wanted.format) changed.format = *wanted.format;
    const bool is_pagerduty = changed.format == store::PayloadFormat::pagerduty;
    const bool has_key = wanted.routing_key || (was_pagerduty && is_pagerduty);
    if (const auto fits = check_format(changed.type, changed.format, has_key); !fits) {
      return fits.error();
    }
    if (!status.empty()) {
      changed.active = status == "active";
      changed.inactive_reason = changed.active
                                    ? std::nullopt
                                    : std::optional("Switched off by " + call.member.login + ".");
    }
    const auto kept = store::change_notification(db, changed, call.now);
    if (!kept) return kept.error();
    Names names(db);
    audit(call, db, change_of("change", names, &before, &*kept));
    const auto secret =
        provide_secret(call, db, *kept, wanted, new_secret || (was_pagerduty && !is_pagerduty));
    return reply_with(call, names, 200, *kept, secret);
  });
}

Result<http::Reply> delete_notification(const Call& call) {
  return write_once(call, [&](db::Session& db) -> Result<http::Reply> {
    const auto notification = notification_of(call, db);
    if (!notification) return notification.error();
    Names names(db);
    audit(call, db, change_of("delete", names, &*notification, nullptr));
    store::delete_notification(db, call.organization(), notification->id);
    return http::Reply{.status = 204};
  });
}

}  // namespace cupola::api
