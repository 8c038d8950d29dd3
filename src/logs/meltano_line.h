#pragma once

/// What a line of `meltano run` with JSON logs says: which plugin, which level, what text.
///
/// Read from what meltano 4.4.1 writes with `cli.log_format: json`, for plugins with structured
/// logs (Singer SDK) and with plain ones. Pure; lines from outside may hold anything.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cupola::logs {

struct MeltanoLine {
  std::string plugin;  ///< "tap-events"; empty: meltano itself
  std::string level;   ///< "debug", "info", "warning", "error" (critical too); else empty
  std::string stream;  ///< the Singer stream of a metric, else empty
  std::string stdio;   ///< "stdout" or "stderr" of the plugin, else empty
  std::string text;    ///< what a person reads; may hold newlines (tracebacks). Of a structured
                       ///< metric: "METRIC: {…}"
  std::string job;     ///< meltano's job_name, the state id of the block; else empty
  /// A tap produces, a target consumes, a mapper does both; neither when the line does not say.
  bool producer = false;
  bool consumer = false;
  /// Records moved since the plugin's last such line, from a `record_count` metric: add them up by
  /// (job, plugin, stream), and producers and consumers apart. Plugins that are none of the Singer
  /// SDK's often say nothing: then the number is not known, not 0.
  std::optional<std::int64_t> records;
};

/// Reads one line; a line that is no JSON object of meltano's comes back as its own text.
MeltanoLine parse_meltano_line(std::string_view line);

}  // namespace cupola::logs
