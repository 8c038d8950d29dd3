#pragma once

/// When a message is tried, and what the answer means for the next try. Pure.

#include <chrono>
#include <optional>
#include <string_view>

#include "base/time.h"
#include "net/courier.h"
#include "store/deliveries.h"

namespace cupola::notify {

/// Before each try: 0 s, 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h (75.6 h in all).
inline constexpr int most_tries = 10;

/// What is waited before the try `tries` + 1 of the delivery, after the end of the one before:
/// the wait above and up to a tenth of it more or less, always the same for the same delivery and
/// try. Empty when there is no further try.
std::optional<std::chrono::milliseconds> wait_before_try(std::string_view delivery, int tries);

/// The wait that a Retry-After header asks for (RFC 9110, section 10.2.3: seconds or a date), at
/// most 24 h. Empty when it says nothing that can be read.
std::optional<std::chrono::milliseconds> retry_after(std::string_view value, Instant now);

/// An HTTP answer: 2xx is delivered; 410 switches the notification off; all else, also a redirect,
/// is tried again, after Retry-After where that is later, and then nothing else is sent before.
store::AfterAttempt after_webhook(const store::Delivery& delivery, const net::Outcome& outcome,
                                  bool is_test, Instant now);
/// An SMTP server's: what it refuses for good (550 to 559) is not tried again.
store::AfterAttempt after_mail(const store::Delivery& delivery, const net::Outcome& outcome,
                               bool is_test, Instant now);

}  // namespace cupola::notify
