#pragma once

/// How long a step of a deploy took, for its log.

#include <chrono>
#include <string>

#include <fmt/format.h>

namespace cupola::deploy {

inline std::string seconds_since(std::chrono::steady_clock::time_point start) {
  const std::chrono::duration<double> span = std::chrono::steady_clock::now() - start;
  return fmt::format("{:.2f} s", span.count());
}

}  // namespace cupola::deploy
