#pragma once

/// What stands between method and version in a request line: path and query, decoded. Private.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/outcome.h"

namespace cupola::http {

struct Target {
  std::string path;                   ///< as it came, without the query
  std::vector<std::string> segments;  ///< each percent-decoded; none for "/"
  std::vector<std::pair<std::string, std::string>> query;
};

/// Reads "/a/b?c=d", or the same after "http://host". Refuses (malformed) what is over 8 KiB, holds
/// a bad escape, a NUL, text that is not UTF-8, a `.` or `..` segment, or over 100 query values.
Result<Target> parse_target(std::string_view target);

}  // namespace cupola::http
