#include "api/handlers.h"

namespace cupola::api {

/// GET /healthz gives 200 as long as the server answers at all.
Result<http::Reply> show_health(const Call& call) {
  return json_reply(200, {{"status", "ok"}, {"version", call.context.version}});
}

/// GET /readyz gives 200 when the database answers; a Failure out of it becomes 503.
Result<http::Reply> show_readiness(const Call& call) {
  call.context.database.read([](db::Session& db) { store::count_organizations(db); });
  return json_reply(200, {{"status", "ready"}});
}

}  // namespace cupola::api
