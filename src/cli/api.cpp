#include "cli/api.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <thread>

#include <fmt/format.h>

#include "base/id.h"
#include "base/text.h"
#include "cli/terminal.h"
#include "net/percent.h"

namespace cupola::cli {
namespace {

Error::Kind kind_of(int status) {
  switch (status) {
    case 400:
      return Error::Kind::malformed;
    case 401:
      return Error::Kind::unauthorized;
    case 403:
      return Error::Kind::forbidden;
    case 404:
      return Error::Kind::not_found;
    case 409:
      return Error::Kind::conflict;
    case 413:
      return Error::Kind::too_large;
    case 502:
    case 503:
    case 504:
      return Error::Kind::unavailable;
    default:
      return Error::Kind::invalid;
  }
}

Error to_error(const net::Response& response, std::string_view url) {
  const auto parsed = parse_json(response.body);
  if (!parsed || !parsed->is_object() || !parsed->get_object().contains("title")) {
    return {kind_of(response.status),
            fmt::format("{} answered with status {}, and not as a Cupola server does",
                        cupola::quoted(url), response.status),
            "Check the address: --url, CUPOLA_URL or `cupola login`."};
  }
  const auto& problem = parsed->get_object();
  std::string message = text_at(problem, "detail");
  if (message.empty()) message = text_at(problem, "title");
  std::string hint = text_at(problem, "hint");
  if (hint.empty() && response.status == 401) hint = "Sign in: cupola login, or set CUPOLA_TOKEN.";
  if (hint.empty() && response.status >= 500) {
    hint = fmt::format("The server's log tells more, under request {}.",
                       text_at(problem, "request_id"));
  }
  return {kind_of(response.status), std::move(message), std::move(hint)};
}

}  // namespace

std::string api_path(std::initializer_list<std::string_view> segments) {
  std::string path = "/api/v1";
  for (const auto segment : segments) path += "/" + net::percent_encode(segment);
  return path;
}

Result<Api> Api::open(const Context& context) {
  auto login = find_login(context.url);
  if (!login) return login.error();
  if (login->token.empty()) {
    return Error{Error::Kind::unauthorized, fmt::format("You are not signed in to {}", login->url),
                 "Sign in with `cupola login`, or set CUPOLA_TOKEN to a token that `cupola admin "
                 "create-token` made."};
  }
  return Api{std::move(*login)};
}

net::Request Api::request(std::string_view method, std::string_view path,
                          const Query& query) const {
  net::Request request{.method = std::string(method), .url = login_.url + std::string(path)};
  char separator = '?';
  for (const auto& [name, value] : query) {
    if (value.empty()) continue;
    request.url += fmt::format("{}{}={}", separator, name, net::percent_encode(value));
    separator = '&';
  }
  if (!login_.token.empty()) {
    request.headers.emplace_back("Authorization", fmt::format("Bearer {}", login_.token.reveal()));
  }
  request.headers.emplace_back("Accept", "application/json");
  return request;
}

Error Api::explained(Error error) const {
  if (error.kind == Error::Kind::unavailable && error.hint.empty()) {
    error.hint = fmt::format(
        "Is the server running? Start one with `cupola server --listen {}`, or "
        "name another with CUPOLA_URL.",
        login_.url.substr(login_.url.find("://") + 3));
  }
  return error;
}

Result<json::object> Api::answer(const net::Request& request) const {
  auto response = net::send(request);
  if (!response) return explained(response.error());
  if (response->status < 200 || response->status > 299) return to_error(*response, login_.url);
  if (response->body.empty()) return json::object{};
  auto parsed = parse_json(response->body);
  if (!parsed || !parsed->is_object()) return to_error(*response, login_.url);
  return std::move(parsed->get_object());
}

Result<json::object> Api::get(std::string_view path, const Query& query) const {
  return answer(request("GET", path, query));
}

Result<json::object> Api::post(std::string_view path, const json::object& body,
                               const Query& query) const {
  auto asked = request("POST", path, query);
  asked.body = json::serialize(body);
  asked.headers.emplace_back("Content-Type", "application/json");
  asked.headers.emplace_back("Idempotency-Key", new_uuid7());
  return answer(asked);
}

Result<json::object> Api::patch(std::string_view path, const json::object& body) const {
  auto asked = request("PATCH", path, {});
  asked.body = json::serialize(body);
  asked.headers.emplace_back("Content-Type", "application/json");
  return answer(asked);
}

Result<json::object> Api::put(std::string_view path, std::string body, const Query& query) const {
  auto asked = request("PUT", path, query);
  asked.body = std::move(body);
  asked.headers.emplace_back("Content-Type", "application/json");
  return answer(asked);
}

Result<json::object> Api::remove(std::string_view path, const Query& query) const {
  return answer(request("DELETE", path, query));
}

Result<json::object> Api::list(std::string_view path, std::string_view resource, const Query& query,
                               std::size_t limit, std::string cursor) const {
  json::array all;
  json::value next;
  do {
    Query asked = query;
    asked.emplace_back("limit", fmt::format("{}", std::min<std::size_t>(200, limit - all.size())));
    if (!cursor.empty()) asked.emplace_back("cursor", cursor);
    auto page = get(path, asked);
    if (!page) return page.error();
    if (auto* items = page->if_contains(resource); items != nullptr && items->is_array()) {
      for (auto& item : items->get_array()) all.push_back(std::move(item));
    }
    cursor = text_at(*page, "next");
  } while (!cursor.empty() && all.size() < limit);
  if (!cursor.empty()) next = json_text(cursor);
  return json::object{{resource, std::move(all)}, {"next", std::move(next)}};
}

Result<void> Api::download(std::string_view path, const Query& query, const net::OnChunk& on_chunk,
                           std::string_view media_type) const {
  auto asked = request("GET", path, query);
  asked.headers.back().second = media_type;
  const auto response = net::stream(asked, on_chunk);
  if (!response) return explained(response.error());
  if (response->status != 200) return to_error(*response, login_.url);
  return {};
}

Result<void> Api::follow(std::string_view path, const Query& query,
                         const net::EventReader::OnEvent& on_event) const {
  using SteadyClock = std::chrono::steady_clock;
  std::string last_id;
  bool wanted = true;
  std::optional<SteadyClock::time_point> heard;  // when the server last gave a sign of life
  while (true) {
    auto asked = request("GET", path, query);
    asked.headers.back().second = "text/event-stream";
    if (!last_id.empty()) asked.headers.emplace_back("Last-Event-ID", last_id);

    net::EventReader reader([&](const net::Event& event) {
      if (!event.id.empty()) last_id = event.id;
      return wanted = on_event(event);
    });
    const auto response = net::stream(asked, [&](std::string_view chunk) {
      heard = SteadyClock::now();
      return reader.feed(chunk);
    });
    if (!wanted) return {};
    if (response && response->status == 200) heard = SteadyClock::now();
    if (response && response->status != 200 && response->status < 500) {
      return to_error(*response, login_.url);
    }
    if (!heard || SteadyClock::now() - *heard > patience + asked.timeouts.silence) {
      return response ? to_error(*response, login_.url) : explained(response.error());
    }
    std::this_thread::sleep_for(std::chrono::milliseconds{500});
  }
}

Result<int> print_download(const Api& api, std::string_view path, const Query& query,
                           std::string_view media_type) {
  const auto done = api.download(
      path, query,
      [](std::string_view chunk) {
        print(chunk);
        return true;
      },
      media_type);
  if (!done) return done.error();
  return 0;
}

}  // namespace cupola::cli
