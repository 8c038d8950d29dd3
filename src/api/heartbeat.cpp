#include "api/audit.h"
#include "api/handlers.h"
#include "api/input.h"
#include "base/text.h"
#include "store/heartbeats.h"
#include "store/hold.h"

namespace cupola::api {
namespace {

constexpr std::size_t longest_url = 2000;

json::object shown(const std::optional<std::string>& url) {
  return {{"url", url ? json::value(json_text(*url)) : json::value()}};
}

/// The path of the URL may let one ping it: the audit log has the host alone.
json::object audited(const std::string& url) {
  return {{"url", json_text(url.substr(0, url.find_first_of("/?#", url.find("://") + 3)) + "/…")}};
}

}  // namespace

Result<http::Reply> show_heartbeat(const Call& call) {
  return call.context.database.read([&](db::Session& db) -> Result<http::Reply> {
    return json_reply(200, shown(store::heartbeat_of(db, call.organization())));
  });
}

/// PUT /api/v1/heartbeat sets or replaces it: 200. The guard of webhooks judges its address.
Result<http::Reply> set_heartbeat(const Call& call) {
  Body body(call, {"url"});
  const std::string given = body.text("url", longest_url);
  if (body.fault()) return *body.fault();
  const Result<std::string> url = call.context.hooks.check_receiver(given);
  if (!url) return url.error();

  return write_once(call, [&](db::Session& db) -> Result<http::Reply> {
    store::hold(db, call.organization());
    const auto before = store::heartbeat_of(db, call.organization());
    store::set_heartbeat(db, call.organization(), *url);
    audit(call, db,
          {.action = "heartbeat.set",
           .name = call.member.organization_name,
           .before = before ? json::value(audited(*before)) : json::value(),
           .after = audited(*url)});
    return json_reply(200, shown(*url));
  });
}

Result<http::Reply> clear_heartbeat(const Call& call) {
  return write_once(call, [&](db::Session& db) -> Result<http::Reply> {
    store::hold(db, call.organization());
    const auto before = store::heartbeat_of(db, call.organization());
    if (!before) return Error{Error::Kind::not_found, "There is no heartbeat URL.", ""};
    store::set_heartbeat(db, call.organization(), std::nullopt);
    audit(call, db,
          {.action = "heartbeat.clear",
           .name = call.member.organization_name,
           .before = audited(*before)});
    return http::Reply{.status = 204};
  });
}

}  // namespace cupola::api
