#include "notify/retries.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>

#include <fmt/format.h>

#include "base/digest.h"
#include "base/text.h"

namespace cupola::notify {
namespace {

constexpr std::array<std::chrono::milliseconds, most_tries> waits = {0s, 5s,  5min, 30min, 2h,
                                                                     5h, 10h, 14h,  20h,   24h};
constexpr std::chrono::milliseconds longest_retry_after = 24h;
constexpr int gone = 410;

/// From -1 to 1, as the text has it.
double share_of(std::string_view text) {
  std::uint32_t number = 0;
  const std::string digits = sha256_hex(text).substr(0, 8);
  std::from_chars(digits.data(), digits.data() + digits.size(), number, 16);
  return static_cast<double>(number) / 4294967295.0 * 2 - 1;
}

store::AfterAttempt next_try(const store::Delivery& delivery, bool is_test, Instant now) {
  const auto wait = wait_before_try(delivery.id.text(), delivery.tries + 1);
  if (!wait || is_test) return {.status = store::DeliveryStatus::failed};
  return {.status = store::DeliveryStatus::waiting, .next_at = now + *wait};
}

}  // namespace

std::optional<std::chrono::milliseconds> wait_before_try(std::string_view delivery, int tries) {
  if (tries < 0 || tries >= most_tries) return std::nullopt;
  const auto wait = waits[static_cast<std::size_t>(tries)];
  const double share = share_of(fmt::format("{}/{}", delivery, tries));
  return wait + std::chrono::milliseconds(
                    static_cast<std::int64_t>(static_cast<double>(wait.count()) * share / 10));
}

std::optional<std::chrono::milliseconds> retry_after(std::string_view value, Instant now) {
  const std::string text(trim(value));
  std::chrono::milliseconds wait{0};
  std::int64_t seconds = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (!text.empty() && read.ptr == text.data() + text.size()) {
    const bool is_huge = read.ec == std::errc::result_out_of_range;
    if (seconds < 0) return std::nullopt;
    wait = is_huge ? longest_retry_after
                   : std::chrono::seconds(std::min<std::int64_t>(seconds, 24 * 3600));
  } else {
    std::tm parts{};
    const char* end = ::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    if (end == nullptr || *end != '\0') return std::nullopt;
    wait = std::chrono::sys_seconds(std::chrono::seconds(::timegm(&parts))) - now;
  }
  return std::clamp<std::chrono::milliseconds>(wait, 0ms, longest_retry_after);
}

store::AfterAttempt after_webhook(const store::Delivery& delivery, const net::Outcome& outcome,
                                  bool is_test, Instant now) {
  if (outcome.error.empty() && outcome.status >= 200 && outcome.status < 300) return {};
  if (outcome.status == gone) {
    return {.status = store::DeliveryStatus::failed,
            .deactivated = "The receiver answered 410: it is gone for good."};
  }
  store::AfterAttempt after = next_try(delivery, is_test, now);
  if (after.status != store::DeliveryStatus::waiting) return after;
  for (const auto& [name, value] : outcome.headers) {
    if (name != "retry-after") continue;
    const auto wait = retry_after(value, now);
    if (!wait) continue;
    after.held_until = now + *wait;
    after.next_at = std::max(*after.next_at, now + *wait);
  }
  return after;
}

store::AfterAttempt after_mail(const store::Delivery& delivery, const net::Outcome& outcome,
                               bool is_test, Instant now) {
  if (outcome.error.empty()) return {};
  if (outcome.status >= 550 && outcome.status < 560) {
    return {.status = store::DeliveryStatus::failed};
  }
  return next_try(delivery, is_test, now);
}

}  // namespace cupola::notify
