#pragma once

/// The server's own log: one line each, on standard error, "time level message".

#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace cupola {

enum class LogLevel { debug, info, warning, error, none };

/// Lines below this level are dropped. `info` at first. Call before threads start.
void set_log_level(LogLevel level);

/// Writes one line; newlines and control characters in `message` are escaped. From any thread.
void log_line(LogLevel level, std::string_view message);

template <typename... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::info, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void log_warning(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::warning, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void log_error(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::error, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace cupola
