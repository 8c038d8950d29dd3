#include "api/route.h"

#include <algorithm>

#include "base/check.h"
#include "base/text.h"

namespace cupola::api {

const std::string& Call::in_path(std::string_view name) const {
  for (const auto& [key, value] : path) {
    if (key == name) return value;
  }
  CUPOLA_CHECK(!"a handler asks for what its path does not have");
  return path.front().second;
}

bool Call::has_in_path(std::string_view name) const {
  return std::any_of(path.begin(), path.end(),
                     [&](const auto& value) { return value.first == name; });
}

bool Call::accepts(std::string_view media_type) const {
  const std::string* accept = request.header("accept");
  if (accept == nullptr) return false;
  for (const std::string_view part : split(*accept, ',')) {
    if (to_lower(trim(part.substr(0, part.find(';')))) == media_type) return true;
  }
  return false;
}

std::string_view name_of(http::Method method) {
  switch (method) {
    case http::Method::get:
      return "GET";
    case http::Method::head:
      return "HEAD";
    case http::Method::post:
      return "POST";
    case http::Method::put:
      return "PUT";
    case http::Method::patch:
      return "PATCH";
    case http::Method::delete_:
      return "DELETE";
    case http::Method::other:
      break;
  }
  return "";
}

http::Reply json_reply(int status, const json::value& body) {
  return {.status = status, .body = json::serialize(body)};
}

http::Reply list_reply(std::string_view name, json::array items, const std::string& next) {
  json::object body;
  body[name] = std::move(items);
  body["next"] = next.empty() ? json::value() : json::value(next);
  return json_reply(200, body);
}

}  // namespace cupola::api
