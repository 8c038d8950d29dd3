#include "base/id.h"

#include <array>
#include <chrono>
#include <cstdint>
#include <mutex>

#include <sys/random.h>

#include "base/outcome.h"

namespace cupola {
namespace {

template <std::size_t N>
std::array<std::uint8_t, N> random_bytes() {
  std::array<std::uint8_t, N> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    throw Failure("The system's random generator gave no bytes: " + system_text(errno));
  }
  return bytes;
}

template <typename Bytes>
std::string to_hex(const Bytes& bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::uint8_t byte : bytes) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

/// Milliseconds and a 12-bit counter that together never repeat nor go back in this process
/// (RFC 9562, section 6.2, method 1).
std::pair<std::uint64_t, std::uint16_t> next_tick() {
  static std::mutex mutex;
  static std::uint64_t last = 0;
  static std::uint16_t counter = 0;
  const auto now =
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                     std::chrono::system_clock::now().time_since_epoch())
                                     .count());
  const std::scoped_lock lock(mutex);
  if (now > last) {
    last = now;
    counter = 0;
  } else if (++counter == 0x1000) {
    ++last;
    counter = 0;
  }
  return {last, counter};
}

}  // namespace

std::string new_uuid7() {
  auto bytes = random_bytes<16>();
  const auto [milliseconds, counter] = next_tick();
  for (std::size_t i = 0; i < 6; ++i) {
    bytes[i] = static_cast<std::uint8_t>(milliseconds >> (8 * (5 - i)));
  }
  bytes[6] = static_cast<std::uint8_t>(0x70 | (counter >> 8));
  bytes[7] = static_cast<std::uint8_t>(counter & 0xff);
  bytes[8] = static_cast<std::uint8_t>(0x80 | (bytes[8] & 0x3f));
  return to_hex(bytes);
}

std::string new_random_ulid() {
  constexpr std::string_view alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  const auto bytes = random_bytes<16>();
  std::string text;
  text += alphabet[bytes[0] >> 5];  // 128 bits are 25 full digits and 3 bits
  unsigned pending = bytes[0] & 31u;
  int bits = 5;
  for (std::size_t i = 1; i < bytes.size() || bits >= 5;) {
    if (bits >= 5) {
      text += alphabet[(pending >> (bits - 5)) & 31u];
      bits -= 5;
    } else {
      pending = ((pending << 8) | bytes[i++]) & 0xffffu;
      bits += 8;
    }
  }
  return text;
}

std::string random_hex(std::size_t count) {
  std::string text;
  while (text.size() < count * 2) text += to_hex(random_bytes<16>());
  text.resize(count * 2);
  return text;
}

bool is_uuid_hex(std::string_view text) {
  return text.size() == 32 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace cupola
