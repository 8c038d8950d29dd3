#pragma once

/// Replies as bytes on the wire. Private.

#include <string>
#include <string_view>

#include "http/server.h"

namespace cupola::http {

struct ReplyHead {
  bool keep_alive = true;
  bool http_1_0 = false;   ///< the other side knows no chunks
  bool head_only = false;  ///< the request was HEAD
  std::string_view date;   ///< as http_date gives it
  std::string_view request_id;
};

/// Status line and header fields, with the empty line. Adds what each reply has (Date, length or
/// chunks, X-Request-Id) and, where the reply does not set them itself, the fields that keep
/// browsers from guessing, framing and storing.
std::string to_wire(const Reply& reply, const ReplyHead& head);

/// The data as one chunk of a chunked body; none for no data, which would end it.
std::string chunk(std::string_view data);

/// IMF-fixdate (RFC 9110, section 5.6.7).
std::string http_date(std::int64_t seconds_since_1970);

/// Puts the request's id into a problem's body, as its last member.
void add_request_id(Reply& reply, std::string_view request_id);

}  // namespace cupola::http
