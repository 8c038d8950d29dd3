#pragma once

/// What a line of `meltano run` with JSON logs says: which plugin, which level, what text.

#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"

namespace cupola::logs {

struct MeltanoLine {
  std::string plugin;  ///< "tap-events"; empty: meltano itself
  std::string level;   ///< "debug", "info", "warning", "error"; empty when it says none
  std::string stream;  ///< the Singer stream of a metric, else empty
  std::string stdio;   ///< "stdout" or "stderr" of the plugin, else empty
  std::string text;    ///< what a person reads
  /// From Singer SDK metrics: records moved, when the line says so.
  std::optional<std::int64_t> records;
};

/// Reads one line; a line that is no JSON object of meltano's comes back as its own text.
MeltanoLine parse_meltano_line(std::string_view line);

}  // namespace cupola::logs
