#pragma once

/// How a function says that it could not do what was asked (STYLE: docs/adr/0002-errors.md).
///
/// `Result<T>` for input that is turned down and for outcomes the caller acts on; `Failure`,
/// thrown, for what nobody nearby can mend: the database is gone, the disk is full.

#include <stdexcept>
#include <string>
#include <utility>

#include <tl/expected.hpp>

namespace cupola {

/// What was turned down, in words for the person who asked.
struct Error {
  enum class Kind {
    invalid,       ///< the input breaks a rule that can be named (HTTP 422, exit 1)
    malformed,     ///< the input cannot be read at all (HTTP 400)
    unauthorized,  ///< no or no valid credentials (HTTP 401)
    forbidden,     ///< known, but may not (HTTP 403)
    not_found,     ///< there is no such thing, or not for the asker (HTTP 404)
    conflict,      ///< it is in the way of something that is there (HTTP 409)
    too_large,     ///< over a limit that the message names (HTTP 413)
    unavailable,   ///< cannot be done now; later it can (HTTP 503)
  };

  Kind kind = Kind::invalid;
  std::string message;  ///< what was tried and what happened, one sentence
  std::string hint;     ///< what to do about it; empty where the message says it
};

/// A value, or the Error that says why there is none.
template <typename T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
  Result(Error error)
      : tl::expected<T, Error>(tl::unexpect, std::move(error)) {
  }  // NOLINT(google-explicit-constructor)
};

template <>
class [[nodiscard]] Result<void> : public tl::expected<void, Error> {
 public:
  using tl::expected<void, Error>::expected;
  Result(Error error)
      : tl::expected<void, Error>(tl::unexpect, std::move(error)) {
  }  // NOLINT(google-explicit-constructor)
};

/// Thrown for what nobody nearby can mend. The text is for the administrator: what was tried, on
/// what, what the system said. Caught in the five places that ARCHITECTURE.md names, and in main.
class Failure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// "message (hint)", or the message alone: one line for a log or a terminal.
std::string to_text(const Error& error);

/// The words for the value of `errno`, such as "No space left on device".
std::string system_text(int error_number);

}  // namespace cupola
