#pragma once

/// libcurl's handles, and what every exchange sets on one. Private.

#include <memory>
#include <string>

#include <curl/curl.h>

#include "net/client.h"

namespace cupola::net {

struct Closer {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Handle = std::unique_ptr<CURL, Closer>;
using HeaderList = std::unique_ptr<curl_slist, Closer>;

/// Before anything else of libcurl; may be called again.
void start_curl();

/// Throws Failure when there is no memory.
Handle new_handle();

/// Trusts the file that CURL_CA_BUNDLE or SSL_CERT_FILE names besides, where one does.
void trust_certificates(CURL* handle);

/// As lines of a request; without "Expect".
HeaderList to_list(const Headers& headers);

/// Takes a line of an answer's header into `headers`, which begin anew with each status line.
void take_header(Headers& headers, std::string_view line);

/// What became of dialling under a guard.
struct Dialling {
  const Guard* guard = nullptr;
  std::string objection;  ///< of the guard, to the last address that was tried
};
/// Address, method and body of a request. Request and `dialling` must outlive the exchange.
void set_request(CURL* handle, const Request& request, Dialling& dialling);

/// Scheme, host and port of the URL: what a message may show, without a password or a query.
std::string origin_of(const std::string& url);

}  // namespace cupola::net
