#include "net/client.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include "base/text.h"
#include "net/handle.h"

namespace cupola::net {
namespace {

/// What libcurl's callbacks fill.
struct Exchange {
  CURL* handle = nullptr;
  Response response;
  Dialling dialling;
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
  take_header(static_cast<Exchange*>(user)->response.headers, {data, size});
  return size;
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
  set_request(handle, request, exchange.dialling);
  curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, words);
  if (is_loopback(request.url)) curl_easy_setopt(handle, CURLOPT_PROXY, "");

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
  if (!exchange.dialling.objection.empty()) {
    return {Error::Kind::forbidden,
            fmt::format("{} may not be reached: {}", origin, exchange.dialling.objection), ""};
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
