#pragma once

/// CUPOLA_CHECK(condition): a bug, and only a bug, ends the program. Data from outside, from the
/// database or from a child process never triggers one. On in every build.

namespace cupola {
[[noreturn]] void check_failed(const char* condition, const char* file, int line);
}  // namespace cupola

#define CUPOLA_CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::cupola::check_failed(#condition, __FILE__, __LINE__))
