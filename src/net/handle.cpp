#include "net/handle.h"

#include <cstdlib>
#include <mutex>

#include <fmt/format.h>
#include <sys/socket.h>

#include "base/text.h"

namespace cupola::net {
namespace {

curl_socket_t open_socket(void* user, curlsocktype, curl_sockaddr* address) {
  auto& dialling = *static_cast<Dialling*>(user);
  dialling.objection = dialling.guard->objection(address->addr);
  if (!dialling.objection.empty()) return CURL_SOCKET_BAD;
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

}  // namespace

void start_curl() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_ALL); });
}

Handle new_handle() {
  start_curl();
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

void take_header(Headers& headers, std::string_view line) {
  line = trim(line);
  if (line.starts_with("HTTP/")) headers.clear();  // of an interim answer before
  if (const auto colon = line.find(':'); colon != std::string_view::npos) {
    headers.emplace_back(to_lower(line.substr(0, colon)), trim(line.substr(colon + 1)));
  }
}

void set_request(CURL* handle, const Request& request, Dialling& dialling) {
  curl_easy_setopt(handle, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_USERAGENT, "cupola");
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, request.timeouts.connect.count());
  trust_certificates(handle);
  if (request.guard != nullptr) {
    dialling.guard = request.guard;
    curl_easy_setopt(handle, CURLOPT_PROXY, "");
    curl_easy_setopt(handle, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(handle, CURLOPT_OPENSOCKETDATA, &dialling);
  }

  curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  if (!request.body.empty() || request.method == "POST" || request.method == "PUT") {
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request.body.data());
  }
}

std::string origin_of(const std::string& url) {
  const auto scheme = url.find("://");
  const auto from = scheme == std::string::npos ? 0 : scheme + 3;
  std::string authority = url.substr(from, url.find_first_of("/?#", from) - from);
  if (const auto at = authority.rfind('@'); at != std::string::npos) authority.erase(0, at + 1);
  return url.substr(0, from) + authority;
}

}  // namespace cupola::net
