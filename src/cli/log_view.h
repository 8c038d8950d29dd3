#pragma once

/// A run's log for a person: a line each with time, plugin and text, and a summary at the end.

#include <cstdint>
#include <map>
#include <string>

#include "base/json.h"

namespace cupola::cli {

class LogView {
 public:
  explicit LogView(bool colours) : colours_(colours) {}

  /// One line of the API as "03:18:01 tap-orders  text\n"; errors are red, what the platform says
  /// is dim. Control characters are shown as \xNN. The column of plugins widens as names come.
  std::string line(const json::object& line);

  /// How the run ended: "succeeded in 2 s, exit code 0; tap-a: orders 1,080 records; state …\n".
  /// Records are those that the lines so far told.
  std::string summary(const json::object& run) const;

 private:
  bool colours_;
  std::size_t plugin_width_ = 12;
  std::map<std::string, std::int64_t> records_;  // by plugin and Singer stream
};

}  // namespace cupola::cli
