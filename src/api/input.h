#pragma once

/// Reading what a caller sent: query values and JSON bodies, with closed lists and limits. Private.
///
/// Both classes note the first fault and give defaults after it, so that a handler reads all it
/// wants and asks once: `if (body.fault()) return *body.fault();`

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/route.h"
#include "base/json.h"
#include "base/outcome.h"
#include "base/time.h"

namespace cupola::api {

class Query {
 public:
  explicit Query(const Call& call) : call_(call) {}

  std::string text(std::string_view name);  ///< empty when absent
  /// ?limit=, from 1 to 200; 50 when absent.
  int limit();
  std::int64_t number(std::string_view name, std::int64_t low, std::int64_t high,
                      std::int64_t fallback);
  bool flag(std::string_view name);  ///< true or false; false when absent
  /// RFC 3339, or a span before now such as 2d.
  std::optional<Instant> instant(std::string_view name);
  /// A cursor of the list of that name, in the query value `name`: the `count` texts that
  /// `cursor_of` was given. Empty when absent; refused when another list gave it.
  std::vector<std::string> cursor(std::string_view list, std::size_t count,
                                  std::string_view name = "cursor");
  void refuse_cursor(std::string_view name = "cursor");
  void refuse(std::string message, std::string hint = "");
  const std::optional<Error>& fault() const { return fault_; }

 private:
  const Call& call_;
  std::optional<Error> fault_;
};

/// Whether the text holds a control character (a newline, a tab and a NUL are some).
bool has_control(std::string_view text);

/// The text as a whole number from 0 on, in decimal digits alone; empty where it is none.
std::optional<std::int64_t> whole_number(std::string_view text);

/// An opaque cursor that `Query::cursor` reads.
std::string cursor_of(std::string_view list, std::vector<std::string> parts);

class Body {
 public:
  /// Reads a JSON object whose members are among `allowed`. An empty body is an empty object.
  Body(const Call& call, std::vector<std::string_view> allowed);

  bool has(std::string_view name) const { return object_.contains(name); }
  std::string text(std::string_view name, std::size_t longest);  ///< must be there, not empty
  std::string optional_text(std::string_view name, std::size_t longest,
                            std::string_view fallback = "");
  bool flag(std::string_view name);  ///< false when absent
  std::int64_t number(std::string_view name, std::int64_t low, std::int64_t high);
  /// A span such as "7d"; empty when absent.
  std::optional<std::chrono::milliseconds> span(std::string_view name,
                                                std::chrono::milliseconds low,
                                                std::chrono::milliseconds high);
  std::vector<std::string> texts(std::string_view name, std::size_t most, std::size_t longest);
  std::map<std::string, std::string> text_map(std::string_view name, std::size_t most,
                                              std::size_t longest);
  /// As it is; null when absent.
  json::value value(std::string_view name) const;
  void refuse(std::string message, std::string hint = "");
  void refuse(const Error& error);
  const std::optional<Error>& fault() const { return fault_; }

 private:
  std::string checked_text(std::string_view name, const json::value& value, std::size_t longest);

  json::object object_;
  std::optional<Error> fault_;
};

}  // namespace cupola::api
