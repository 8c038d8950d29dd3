#pragma once

/// What a line of `meltano run` with JSON logs says: which plugin, which level, what text.
///
/// Read from what meltano 4.4.1 writes with `cli.log_format: json`, for plugins with structured
/// logs (Singer SDK) and with plain ones. Pure; lines from outside may hold anything.

#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"

namespace cupola::logs {

struct MeltanoLine {
  std::string plugin;  ///< "tap-events"; empty: meltano itself
  std::string level;   ///< "debug", "info", "warning", "error" (critical too); else empty
  std::string stream;  ///< the Singer stream of a metric, else empty
  std::string stdio;   ///< "stdout" or "stderr" of the plugin, else empty
  std::string text;    ///< what a person reads; of an SDK metric "METRIC: {…}"; may hold newlines
  /// From Singer SDK metrics: records moved, when the line says so.
  std::optional<std::int64_t> records;
};

/// Reads one line; a line that is no JSON object of meltano's comes back as its own text.
MeltanoLine parse_meltano_line(std::string_view line);

}  // namespace cupola::logs
