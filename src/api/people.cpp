#include "api/people.h"

#include <algorithm>

#include "base/text.h"

namespace cupola::api {

std::optional<store::Role> role_in(Body& body, std::string_view name, bool required) {
  const std::string text = required ? body.text(name, 30) : body.optional_text(name, 30);
  if (text.empty()) return std::nullopt;
  const auto role = store::parse_role(text);
  if (!role) {
    body.refuse("There is no role " + cupola::quoted(text) + ".",
                "There are: viewer, operator, maintainer, owner.");
  }
  return role;
}

Result<http::Reply> forgetting(const Call& call, Result<http::Reply> reply) {
  if (reply) call.context.authenticator.forget();
  return reply;
}

Result<http::Reply> with_token(Result<http::Reply> reply, std::string_view token) {
  if (!reply || reply->status >= 400) return reply;
  const bool replayed =
      std::any_of(reply->headers.begin(), reply->headers.end(),
                  [](const auto& header) { return header.first == "Idempotency-Replayed"; });
  Result<json::value> body = parse_json(reply->body);
  if (!body || !body->is_object()) return reply;
  body->get_object()["token"] = replayed ? json::value() : json::value(token);
  reply->body = json::serialize(*body);
  return reply;
}

}  // namespace cupola::api
