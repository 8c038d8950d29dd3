#pragma once

/// Event streams (text/event-stream, WHATWG HTML section 9.2). Private.

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "base/outcome.h"
#include "http/server.h"

namespace cupola::api {

struct Call;

/// One event; `data` is one line (JSON). Without an id where that is empty.
std::string event(std::string_view name, std::string_view data, std::string_view id = "");

/// What a source of events has to say now.
struct News {
  std::string events;
  bool finished = false;
};

/// A reply that asks `source` for news: often while there are some, up to once a second while there
/// are none. Sends a comment after 15 s of silence, and ends after an hour, so that the client
/// comes back with its Last-Event-ID and its token is looked at again.
http::Reply event_stream(std::function<News()> source);

/// Where a stream begins: Last-Event-ID + 1, else ?from=, else 0. Errors: invalid.
Result<std::uint64_t> stream_start(const Call& call);

}  // namespace cupola::api
