#include "net/client.h"

#include <cstdlib>
#include <memory>
#include <mutex>

#include <curl/curl.h>
#include <fmt/format.h>

#include "base/text.h"

namespace cupola::net {
namespace {

struct Closer {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Handle = std::unique_ptr<CURL, Closer>;
using HeaderList = std::unique_ptr<curl_slist, Closer>;

/// What libcurl's callbacks fill.
struct Exchange {
  CURL* handle = nullptr;
  Response response;
  const OnChunk* on_chunk = nullptr;
  std::size_t most = 0;
  bool overflowed = false;
  bool ended_by_us = false;
};

std::size_t on_body(char* data, std::size_t, std::size_t size, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  long status = 0;
  curl_easy_getinfo(exchange.handle, CURLINFO_RESPONSE_CODE, &status);
  if (exchange.on_chunk != nullptr && status == 200) {
    if ((*exchange.on_chunk)({data, size})) return size;
    exchange.ended_by_us = true;
    return 0;
  }
  if (exchange.response.body.size() + size > exchange.most) {
    exchange.overflowed = true;
    return 0;
  }
  exchange.response.body.append(data, size);
  return size;
}

std::size_t on_header(char* data, std::size_t, std::size_t size, void* user) {
  auto& headers = static_cast<Exchange*>(user)->response.headers;
  const std::string_view line = trim({data, size});
  if (line.starts_with("HTTP/")) headers.clear();  // of an interim answer before
  if (const auto colon = line.find(':'); colon != std::string_view::npos) {
    headers.emplace_back(to_lower(line.substr(0, colon)), trim(line.substr(colon + 1)));
  }
  return size;
}

Handle new_handle() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_ALL); });
  Handle handle{curl_easy_init()};
  if (!handle) throw Failure("libcurl could not be started: no memory");
  return handle;
}

void trust_certificates(CURL* handle) {
  for (const char* name : {"CURL_CA_BUNDLE", "SSL_CERT_FILE"}) {
    const char* file = std::getenv(name);
    if (file == nullptr || *file == '\0') continue;
    curl_easy_setopt(handle, CURLOPT_CAINFO, file);
    return;
  }
}

HeaderList to_list(const Headers& headers) {
  curl_slist* list = nullptr;
  for (const auto& [name, value] : headers) {
    list = curl_slist_append(list, fmt::format("{}: {}", name, value).c_str());
  }
  return HeaderList{curl_slist_append(list, "Expect:")};
}

/// Scheme, host and port of the URL: what a message may show, without a password or a query.
std::string origin_of(const std::string& url) {
  const auto scheme = url.find("://");
  const auto from = scheme == std::string::npos ? 0 : scheme + 3;
  std::string authority = url.substr(from, url.find_first_of("/?#", from) - from);
  if (const auto at = authority.rfind('@'); at != std::string::npos) authority.erase(0, at + 1);
  return url.substr(0, from) + authority;
}

/// Whether the URL is of this machine, which no proxy could reach.
bool is_loopback(const std::string& url) {
  const std::string origin = origin_of(url);
  std::string_view host = origin;
  if (const auto scheme = host.find("://"); scheme != std::string_view::npos) {
    host.remove_prefix(scheme + 3);
  }
  host = host.substr(0, host.starts_with('[') ? host.find(']') + 1 : host.find(':'));
  return host == "localhost" || host.starts_with("127.") || host == "[::1]";
}

void prepare(CURL* handle, const Request& request, Exchange& exchange, char* words) {
  curl_easy_setopt(handle, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_USERAGENT, "cupola");
  curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, words);
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, request.timeouts.connect.count());
  trust_certificates(handle);
  if (is_loopback(request.url)) curl_easy_setopt(handle, CURLOPT_PROXY, "");

  curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  if (!request.body.empty() || request.method == "POST" || request.method == "PUT") {
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request.body.data());
  }
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &exchange);
  curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(handle, CURLOPT_HEADERDATA, &exchange);

  if (exchange.on_chunk == nullptr) {
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, request.timeouts.total.count());
  } else if (request.timeouts.silence.count() > 0) {
    curl_easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(handle, CURLOPT_LOW_SPEED_TIME,
                     std::max<long>(1, request.timeouts.silence.count() / 1000));
  }
}

Error to_error(CURLcode code, const Request& request, const Exchange& exchange, const char* words) {
  const std::string origin = quoted(origin_of(request.url));
  if (exchange.overflowed) {
    return {Error::Kind::too_large,
            fmt::format("The answer of {} is larger than {} bytes", origin, request.most), ""};
  }
  if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL) {
    return {Error::Kind::invalid, fmt::format("{} is no http or https URL", origin), ""};
  }
  std::string why = *words != '\0' ? words : curl_easy_strerror(code);
  return {Error::Kind::unavailable, fmt::format("{} could not be reached: {}", origin, why), ""};
}

Result<Response> exchange_with(const Request& request, const OnChunk* on_chunk) {
  const Handle handle = new_handle();
  const HeaderList headers = to_list(request.headers);
  Exchange exchange{.handle = handle.get(), .on_chunk = on_chunk, .most = request.most};
  char words[CURL_ERROR_SIZE] = "";
  prepare(handle.get(), request, exchange, words);
  curl_easy_setopt(handle.get(), CURLOPT_HTTPHEADER, headers.get());

  const CURLcode code = curl_easy_perform(handle.get());
  if (code != CURLE_OK && !exchange.ended_by_us) return to_error(code, request, exchange, words);

  long status = 0;
  curl_easy_getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &status);
  exchange.response.status = static_cast<int>(status);
  return std::move(exchange.response);
}

}  // namespace

std::string_view Response::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return {};
}

Result<Response> send(const Request& request) {
  return exchange_with(request, nullptr);
}

Result<Response> stream(const Request& request, const OnChunk& on_chunk) {
  return exchange_with(request, &on_chunk);
}

}  // namespace cupola::net
