#pragma once

/// The server's /api/v1, from the client's side: JSON in, JSON out, its problems as errors.

#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/outcome.h"
#include "cli/commands.h"
#include "cli/login.h"
#include "net/client.h"
#include "net/event_stream.h"

namespace cupola::cli {

/// Names and values of a query; those with an empty value are left out.
using Query = std::vector<std::pair<std::string, std::string>>;

/// "/api/v1/…" of the segments, each encoded.
std::string api_path(std::initializer_list<std::string_view> segments);

class Api {
 public:
  explicit Api(Login login) : login_(std::move(login)) {}

  /// As nobody: for what needs no token.
  static Api without_token(std::string url) {
    return Api{Login{.url = std::move(url), .token = {}}};
  }

  /// As whom `find_login` tells. Errors: also unauthorized, when there is no token.
  static Result<Api> open(const Context& context);

  const std::string& url() const { return login_.url; }

  /// Errors: what the server's problem says, with its hint; unavailable when it cannot be reached.
  Result<json::object> get(std::string_view path, const Query& query = {}) const;
  Result<json::object> post(std::string_view path, const json::object& body = {},
                            const Query& query = {}) const;
  Result<json::object> patch(std::string_view path, const json::object& body) const;
  Result<json::object> put(std::string_view path, std::string body, const Query& query = {}) const;
  Result<json::object> remove(std::string_view path, const Query& query = {}) const;

  /// All pages of a list as one, from `cursor` on: {"<resource>": […], "next": null}. At most
  /// `limit` items; then "next" is the cursor for the rest.
  Result<json::object> list(std::string_view path, std::string_view resource,
                            const Query& query = {}, std::size_t limit = 100'000,
                            std::string cursor = "") const;

  /// The body as it is, piece by piece.
  Result<void> download(std::string_view path, const Query& query, const net::OnChunk& on_chunk,
                        std::string_view media_type = "text/plain") const;

  /// Reads an event stream until `on_event` gives false, and comes back to where it was when the
  /// connection breaks or is silent for a minute. Errors: unavailable when the server stays away
  /// for `patience`, or what its problem says.
  Result<void> follow(std::string_view path, const Query& query,
                      const net::EventReader::OnEvent& on_event) const;
  static constexpr std::chrono::seconds patience{60};

 private:
  net::Request request(std::string_view method, std::string_view path, const Query& query) const;
  Result<json::object> answer(const net::Request& request) const;
  Error explained(Error error) const;

  Login login_;
};

/// Prints the body of an address as it comes. Gives the exit code.
Result<int> print_download(const Api& api, std::string_view path, const Query& query = {},
                           std::string_view media_type = "text/plain");

}  // namespace cupola::cli
