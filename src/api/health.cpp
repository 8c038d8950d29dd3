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

/// GET /api/v1/whoami gives who the token stands for.
Result<http::Reply> show_caller(const Call& call) {
  return json_reply(200, {{"login", call.member.login},
                          {"role", to_text(call.member.role)},
                          {"organization",
                           {{"id", call.member.organization_id},
                            {"name", call.member.organization_name},
                            {"account_number", call.member.account_number}}},
                          {"token", call.member.token_name}});
}

}  // namespace cupola::api
