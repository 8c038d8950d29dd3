#include "store/notifications.h"

#include "api/cloud/handlers.h"
#include "api/cloud/inner.h"
#include "api/handlers.h"
#include "api/input.h"
#include "api/lookup.h"
#include "api/notification_json.h"
#include "base/digest.h"

namespace cupola::api::cloud {
namespace {

constexpr int most_notifications = 1000;
constexpr std::size_t longest_recipient = 2000;

/// ?entity_id= names a project by its id; without it, it is the organization. Errors: not_found.
Result<std::optional<store::Project>> entity_of(const Call& call, db::Session& db) {
  const std::string* id = call.request.query_value("entity_id");
  if (id == nullptr || id->empty()) return std::optional<store::Project>();
  auto project = store::find_project(db, call.organization(), *id);
  if (project && project->id == *id) return std::optional(*std::move(project));
  return Error{Error::Kind::not_found, "There is no project with this entity_id.",
               "Choose one: meltano-cloud project use."};
}

/// The one of {recipient_hash} in exactly that scope. Errors: not_found.
Result<store::NotificationId> notification_in_path(const Call& call) {
  return call.context.database.read([&](db::Session& db) -> Result<store::NotificationId> {
    const auto entity = entity_of(call, db);
    if (!entity) return entity.error();
    store::NotificationScope scope;
    if (*entity) scope.project = (*entity)->key;
    const auto found =
        store::find_notification(db, call.organization(), scope, call.in_path("recipient_hash"));
    if (found) return found->id;
    return Error{Error::Kind::not_found, "There is no notification for this recipient here."};
  });
}

json::object notification_object(const store::Notification& notification, Names& names,
                                 const Call& call) {
  json::object object = api::to_json(notification, names, call);
  json::array filters;
  for (const json::value& filter : store::to_json(notification.filters)) {
    json::object known;
    for (const char* name : {"events", "status"}) {
      const json::value* words = filter.as_object().if_contains(name);
      if (words != nullptr && !words->is_null()) known[name] = *words;
    }
    filters.push_back(std::move(known));
  }
  return {{"recipient", object["recipient"]},
          {"type", object["type"]},
          {"status", object["status"]},
          {"filters", std::move(filters)}};
}

/// What the body wants: of a webhook its URL, of a mail its address.
Result<json::object> wanted_of(const Call& call) {
  Body body(call, {"notification"});
  const json::value given = body.value("notification");
  if (!given.is_object()) body.refuse("The body must have an object \"notification\".");
  if (body.fault()) return *body.fault();
  const json::object& notification = given.get_object();
  const std::string type = text_at(notification, "type");
  const std::string recipient = text_at(notification, type == "email" ? "email" : "webhook_url");
  if (recipient.empty() || recipient.size() > longest_recipient ||
      sha256_hex(recipient) != call.in_path("recipient_hash")) {
    return Error{Error::Kind::invalid,
                 "The path does not have the SHA-256 of the notification's recipient."};
  }
  json::object wanted{{"type", type}, {"recipient", recipient}};
  if (const json::value* filters = notification.if_contains("filters")) {
    if (!filters->is_null()) wanted["filters"] = *filters;
  }
  return wanted;
}

}  // namespace

/// GET gives a plain array: those of the project, or of the organization.
Result<http::Reply> list_notifications(const Call& call) {
  return call.context.database.read([&](db::Session& db) -> Result<http::Reply> {
    const auto entity = entity_of(call, db);
    if (!entity) return entity.error();
    store::NotificationScope scope;
    if (*entity) scope.project = (*entity)->key;
    Names names(db);
    json::array all;
    for (const store::Notification& notification :
         store::list_notifications(db, call.organization(), scope, "", most_notifications)) {
      const bool is_of_it =
          notification.scope.project == scope.project && !notification.scope.deployment;
      if (is_of_it) all.emplace_back(notification_object(notification, names, call));
    }
    return json_reply(200, all);
  });
}

/// POST sets one, or replaces what the recipient had: 200.
Result<http::Reply> set_notification(const Call& call) {
  Result<json::object> wanted = wanted_of(call);
  if (!wanted) return wanted.error();
  const auto entity =
      call.context.database.read([&](db::Session& db) -> Result<std::optional<store::Project>> {
        return entity_of(call, db);
      });
  if (!entity) return entity.error();
  if (*entity) (*wanted)["project"] = (*entity)->id;
  const auto set = api::set_notification(Inner(call, *wanted).call());
  if (!set) return set.error();
  // Its secret is none of this reply's: `cupola notification change --new-secret` shows one.
  return json_reply(200, {{"recipient", (*wanted)["recipient"]}, {"status", "active"}});
}

Result<http::Reply> change_notification(const Call& call) {
  Body body(call, {"new_key", "status"});
  json::object wanted;
  const std::string recipient = body.optional_text("new_key", longest_recipient);
  const std::string status = body.optional_text("status", 20);
  if (body.fault()) return *body.fault();
  if (!recipient.empty()) wanted["recipient"] = recipient;
  if (!status.empty()) wanted["status"] = status;
  const auto id = notification_in_path(call);
  if (!id) return id.error();
  const Inner inner(call, wanted, {{"notification", id->text()}});
  const auto changed = api::change_notification(inner.call());
  if (!changed) return changed.error();
  return http::Reply{.status = 204};
}

Result<http::Reply> delete_notification(const Call& call) {
  const auto id = notification_in_path(call);
  if (!id) return id.error();
  return api::delete_notification(Inner(call, "", {{"notification", id->text()}}).call());
}

}  // namespace cupola::api::cloud
