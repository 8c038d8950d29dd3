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

/// The path that a prepared request goes to.
struct Target {
  std::string path;
  std::vector<std::string> segments;
};
Target target_of(const Call& call, std::string_view under) {
  Target target{call.request.path, call.request.segments};
  if (under.empty()) return target;
  target.path.append("/").append(under);
  target.segments.emplace_back(under);
  return target;
}

Result<std::string> url_with_ticket(const Call& call, http::Method method, const Target& target,
                                    const std::optional<std::string>& body) {
  const auto hash = token_hash_of(call);
  if (!hash) return hash.error();
  const Instant expires_at = call.now + ticket_life;
  const std::string ticket =
      auth::sign_claims(call.context.vault, auth::Purpose::ticket,
                        {{"jti", random_hex(16)},
                         {"for", *hash},
                         {"any_body", !body},
                         {"request", digest_of(method, target.segments, body.value_or(""))}},
                        expires_at);
  return call.context.hooks.public_url() + target.path + "?ticket=" + ticket;
}

}  // namespace

Result<http::Reply> prepared_reply(const Call& call, http::Method method, const json::object& body,
                                   std::string_view under) {
  // What is not ASCII the CLI would send as Latin-1, or not at all.
  const std::string text = ascii_json(body);
  const auto url = url_with_ticket(call, method, target_of(call, under), text);
  if (!url) return url.error();
  return json_reply(200, {{"method", name_of(method)},
                          {"url", *url},
                          {"params", json::object()},
                          {"headers", {{"Content-Type", "application/json"}}},
                          {"data", text}});
}

Result<std::string> prepared_url(const Call& call, http::Method method) {
  return url_with_ticket(call, method, target_of(call, ""), std::nullopt);
}

bool is_prepared(const Call& call) {
  return call.request.query_value(ticket_value) != nullptr;
}

Result<void> check_prepared(const Call& call) {
  if (is_prepared(call)) return {};
  return Error{Error::Kind::forbidden, "This path takes nothing but what was prepared for it."};
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
