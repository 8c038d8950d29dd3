#pragma once

/// Outgoing HTTP, blocking, over libcurl: one request with its whole answer, or an answer that is
/// read as it comes.
///
/// Only http and https. Proxies are those of the environment (http_proxy, HTTPS_PROXY, NO_PROXY …),
/// but never for this machine's own addresses; the certificates that are trusted are the system's,
/// or the file that CURL_CA_BUNDLE or SSL_CERT_FILE names. Redirects are not followed: they come
/// back as they are. Safe from any thread.

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/outcome.h"
#include "net/guard.h"

namespace cupola::net {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Timeouts {
  std::chrono::milliseconds connect{10'000};
  /// From the first byte sent to the last one read; 0 is without limit. Not used by `stream`.
  std::chrono::milliseconds total{60'000};
  /// The longest silence of a `stream`; 0 is without limit.
  std::chrono::milliseconds silence{60'000};
};

struct Request {
  std::string method = "GET";
  std::string url;
  Headers headers;
  std::string body;
  Timeouts timeouts;
  std::size_t most = 64u << 20;  ///< bytes of an answer that is kept; more is too_large
  /// For a URL that others named: judges each address that is dialled; then no proxy is used, which
  /// would dial in our place. Must outlive the request.
  const Guard* guard = nullptr;
};

struct Response {
  int status = 0;   ///< 200, 404 …
  Headers headers;  ///< names in lower case
  std::string body;

  /// The value of the first header of that name (in lower case), or an empty text.
  std::string_view header(std::string_view name) const;
};

/// Sends the request and reads the whole answer, whatever its status.
/// Errors: unavailable (no connection, no such host, a certificate that is not trusted, too slow)
/// with address and reason; forbidden (the guard objects); invalid (the URL is none, or of another
/// scheme); too_large.
Result<Response> send(const Request& request);

/// Called with each piece of the body as it comes; false ends the reading.
using OnChunk = std::function<bool(std::string_view)>;

/// The same for an answer without end. `on_chunk` gets the body when the status is 200; with any
/// other the body is in the Response, which is given when the other side, or `on_chunk`, ended it.
/// Errors besides those of `send`: unavailable when the connection broke in the middle.
Result<Response> stream(const Request& request, const OnChunk& on_chunk);

}  // namespace cupola::net
