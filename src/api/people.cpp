#include "api/people.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace cupola::api {
namespace {

constexpr std::string_view no_cursor = "?cursor= is none that this list gave.";
constexpr std::string_view begin_anew = "Give the value of \"next\", or begin anew.";

}  // namespace

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

std::optional<std::pair<Instant, std::string>> time_cursor(Query& query, std::string_view list) {
  const std::vector<std::string> parts = query.cursor(3);
  if (parts.empty()) return std::nullopt;
  std::int64_t at = 0;
  const auto [end, failed] =
      std::from_chars(parts[1].data(), parts[1].data() + parts[1].size(), at);
  if (parts[0] != list || failed != std::errc{} || end != parts[1].data() + parts[1].size()) {
    query.refuse(std::string(no_cursor), std::string(begin_anew));
    return std::nullopt;
  }
  return std::pair(from_milliseconds(at), parts[2]);
}

std::string time_cursor_of(std::string_view list, Instant at, const std::string& id) {
  return cursor_of({std::string(list), std::to_string(to_milliseconds(at)), id});
}

std::string name_cursor(Query& query, std::string_view list) {
  const std::vector<std::string> parts = query.cursor(2);
  if (parts.empty()) return "";
  if (parts[0] != list) query.refuse(std::string(no_cursor), std::string(begin_anew));
  return parts[1];
}

std::string name_cursor_of(std::string_view list, const std::string& name) {
  return cursor_of({std::string(list), name});
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
