#pragma once

/// Bodies of webhooks. Names and causes are other people's text: each is encoded for its sink, so
/// that it neither mentions people nor makes links there.

#include <string>
#include <string_view>

#include "notify/message.h"
#include "store/notifications.h"

namespace cupola::notify {

/// The body, under 20 kB of JSON. `routing_key` is for pagerduty alone.
std::string body_of(const Message& message, store::PayloadFormat format,
                    std::string_view routing_key = "");

}  // namespace cupola::notify
