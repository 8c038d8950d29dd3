#include "app/server_options.h"

#include <charconv>
#include <cstdlib>

#include <fmt/format.h>

#include "base/text.h"

namespace cupola::app {

std::filesystem::path default_home() {
  if (const char* data = std::getenv("XDG_DATA_HOME"); data != nullptr && *data == '/') {
    return std::filesystem::path(data) / "cupola";
  }
  const char* home = std::getenv("HOME");
  return std::filesystem::path(home != nullptr && *home != '\0' ? home : ".") /
         ".local/share/cupola";
}

Result<Address> parse_address(std::string_view text) {
  const auto colon = text.rfind(':');
  const Error error{Error::Kind::invalid,
                    fmt::format("{} is no address to listen on.", quoted(text)),
                    "Give HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080."};
  if (colon == std::string_view::npos) return error;
  Address address{.host = std::string(text.substr(0, colon))};
  if (address.host.starts_with('[') && address.host.ends_with(']')) {
    address.host = address.host.substr(1, address.host.size() - 2);
  }
  const auto digits = text.substr(colon + 1);
  const auto [end, failed] =
      std::from_chars(digits.data(), digits.data() + digits.size(), address.port);
  if (failed != std::errc{} || end != digits.data() + digits.size() || address.host.empty())
    return error;
  return address;
}

Result<Components> parse_components(std::string_view text) {
  Components components{.api = false, .scheduler = false, .runner = false, .notifier = false};
  for (const std::string_view word : split(text, ',')) {
    const std::string_view name = trim(word);
    if (name == "api") {
      components.api = true;
    } else if (name == "scheduler") {
      components.scheduler = true;
    } else if (name == "runner") {
      components.runner = true;
    } else if (name == "notifier") {
      components.notifier = true;
    } else {
      return Error{Error::Kind::invalid, fmt::format("{} is no component.", quoted(name)),
                   "Give some of api, scheduler, runner and notifier, with commas between them."};
    }
  }
  return components;
}

Result<std::int64_t> parse_bytes(std::string_view text) {
  std::int64_t count = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), count);
  std::string unit = to_lower(text.substr(static_cast<std::size_t>(end - text.data())));
  if (unit.ends_with("ib")) unit.resize(unit.size() - 2);
  int shift = -1;
  if (unit.empty() || unit == "b") shift = 0;
  if (unit == "k") shift = 10;
  if (unit == "m") shift = 20;
  if (unit == "g") shift = 30;
  if (failed != std::errc{} || shift < 0 || count < 0 || count > (std::int64_t{1} << 50 >> shift)) {
    return Error{Error::Kind::invalid, fmt::format("{} is no amount of bytes.", quoted(text)),
                 "Give bytes, or a number with KiB, MiB or GiB."};
  }
  return count << shift;
}

}  // namespace cupola::app
