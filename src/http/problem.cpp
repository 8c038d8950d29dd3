#include "base/json.h"
#include "http/server.h"
#include "http/wire.h"

namespace cupola::http {
namespace {

const char* title_of(Error::Kind kind) {
  switch (kind) {
    case Error::Kind::invalid:
      return "Invalid input";
    case Error::Kind::malformed:
      return "Malformed request";
    case Error::Kind::unauthorized:
      return "Not signed in";
    case Error::Kind::forbidden:
      return "Not allowed";
    case Error::Kind::not_found:
      return "Not found";
    case Error::Kind::conflict:
      return "Conflict";
    case Error::Kind::too_large:
      return "Too large";
    case Error::Kind::unavailable:
      return "Unavailable";
  }
  return "Error";
}

const std::string* value_of(const std::vector<std::pair<std::string, std::string>>& pairs,
                            std::string_view name) {
  for (const auto& [key, value] : pairs) {
    if (key == name) return &value;
  }
  return nullptr;
}

}  // namespace

const std::string* Request::header(std::string_view lower_case_name) const {
  return value_of(headers, lower_case_name);
}

const std::string* Request::query_value(std::string_view name) const {
  return value_of(query, name);
}

int status_of(Error::Kind kind) {
  switch (kind) {
    case Error::Kind::invalid:
      return 422;
    case Error::Kind::malformed:
      return 400;
    case Error::Kind::unauthorized:
      return 401;
    case Error::Kind::forbidden:
      return 403;
    case Error::Kind::not_found:
      return 404;
    case Error::Kind::conflict:
      return 409;
    case Error::Kind::too_large:
      return 413;
    case Error::Kind::unavailable:
      return 503;
  }
  return 500;
}

Reply problem(const Error& error) {
  return problem_with(status_of(error.kind), title_of(error.kind), error);
}

Reply problem_with(int status, std::string_view title, const Error& error) {
  Reply reply;
  reply.status = status;
  reply.content_type = "application/problem+json";
  json::object body{{"type", "about:blank"},
                    {"title", title},
                    {"status", status},
                    {"detail", json_text(error.message)}};
  if (!error.hint.empty()) body["hint"] = json_text(error.hint);
  reply.body = json::serialize(body);
  if (status == 401) reply.headers.emplace_back("WWW-Authenticate", "Bearer");
  if (status == 503) reply.headers.emplace_back("Retry-After", "1");
  return reply;
}

void add_to_problem(Reply& reply, std::string_view name, std::string_view value) {
  if (reply.content_type != "application/problem+json" || !reply.body.ends_with('}')) return;
  reply.body.pop_back();
  reply.body.append(",\"").append(name).append("\":\"").append(value).append("\"}");
}

}  // namespace cupola::http
