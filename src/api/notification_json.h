#pragma once

/// Notifications as the API takes and shows them. Private.

#include "api/audit.h"
#include "api/lookup.h"
#include "api/route.h"
#include "base/json.h"
#include "store/notifications.h"

namespace cupola::api {

/// {notification}. Errors: not_found.
Result<store::Notification> notification_of(const Call& call, db::Session& db);

/// Without its secret. The path of a webhook's URL may let one post there, so that those who may
/// not change notifications see its host alone.
json::object to_json(const store::Notification& notification, Names& names, const Call& call);

/// For the audit log: `verb`, and the notification before and after, where it was and is. Of a
/// webhook's URL its host alone.
Change change_of(const std::string& verb, Names& names, const store::Notification* before,
                 const store::Notification* after);

}  // namespace cupola::api
