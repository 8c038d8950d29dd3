#include "api/cloud/prepared.h"

#include "api/cloud/access.h"
#include "auth/signed_claims.h"
#include "base/digest.h"
#include "base/text.h"
#include "store/tickets.h"

namespace cupola::api::cloud {
namespace {

constexpr std::string_view ticket_value = "ticket";
constexpr std::chrono::seconds ticket_life{120};

/// Any escapes that a client chooses for a path give the same segments.
std::string digest_of(http::Method method, const std::vector<std::string>& segments,
                      std::string_view body) {
  Sha256 sum;
  const auto add = [&](std::string_view part) {
    sum.add(std::to_string(part.size()) + ":");
    sum.add(part);
  };
  add(name_of(method));
  for (const std::string& segment : segments) add(segment);
  sum.add("body ");
  add(body);
  return sum.hex();
}

Error refused(const char* message) {
  return {Error::Kind::forbidden, message, "Give the command again."};
}

Result<std::string> url_with_ticket(const Call& call, http::Method method,
                                    const std::optional<std::string>& body) {
  const auto hash = token_hash_of(call);
  if (!hash) return hash.error();
  const Instant expires_at = call.now + ticket_life;
  const std::string ticket =
      auth::sign_claims(call.context.vault, auth::Purpose::ticket,
                        {{"jti", random_hex(16)},
                         {"for", *hash},
                         {"any_body", !body},
                         {"request", digest_of(method, call.request.segments, body.value_or(""))}},
                        expires_at);
  return call.context.hooks.public_url() + call.request.path + "?ticket=" + ticket;
}

}  // namespace

Result<http::Reply> prepared_reply(const Call& call, http::Method method,
                                   const json::object& body) {
  const std::string text = json::serialize(body);
  const auto url = url_with_ticket(call, method, text);
  if (!url) return url.error();
  return json_reply(200, {{"method", name_of(method)},
                          {"url", *url},
                          {"params", json::object()},
                          {"headers", {{"Content-Type", "application/json"}}},
                          {"data", text}});
}

Result<std::string> prepared_url(const Call& call, http::Method method) {
  return url_with_ticket(call, method, std::nullopt);
}

bool is_prepared(const Call& call) {
  return call.request.query_value(ticket_value) != nullptr;
}

Result<std::string> redeem(const Call& call) {
  const http::Request& request = call.request;
  const auto claims = auth::verified_claims(call.context.vault, auth::Purpose::ticket,
                                            *request.query_value(ticket_value), call.now);
  if (!claims) return refused("This prepared request has expired, or is none of this server.");
  const bool any_body = flag_at(*claims, "any_body");
  const std::string digest =
      digest_of(request.method, request.segments, any_body ? "" : request.body);
  if (digest != text_at(*claims, "request")) {
    return refused("This prepared request was altered.");
  }
  const Instant expires_at = from_milliseconds(number_at(*claims, "exp") * 1000);
  const bool is_first = call.context.database.write([&](db::Session& db) {
    return store::use_ticket(db, text_at(*claims, "jti"), expires_at, call.now);
  });
  if (!is_first) return refused("This prepared request was sent already.");
  return text_at(*claims, "for");
}

}  // namespace cupola::api::cloud
