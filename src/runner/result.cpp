#include "runner/result.h"

#include <fmt/format.h>

#include "base/text.h"
#include "logs/meltano_line.h"
#include "logs/reader.h"
#include "runner/lease_watch.h"

namespace cupola::runner {
namespace {

constexpr std::uint64_t lines_looked_at = 2000;
constexpr std::size_t longest_cause = 500;

/// Meltano's closing words say only that something failed before them.
bool says_nothing(std::string_view text) {
  return text.find("Run invocation could not be completed") != std::string_view::npos ||
         text.find("Block run completed") != std::string_view::npos;
}

std::string cut(std::string_view text) {
  const std::string shown = printable(trim(text));
  const std::string line = shown.substr(0, shown.find('\n'));
  return line.size() <= longest_cause ? line : line.substr(0, longest_cause) + "…";
}

/// Whether one of the last lines holds `words`.
bool says(const std::filesystem::path& log, std::string_view words) {
  const auto reader = logs::Reader::open(log);
  if (!reader) return false;
  const std::uint64_t all = reader->lines();
  for (std::uint64_t at = all > lines_looked_at ? all - lines_looked_at : 0; at < all;) {
    const auto lines = reader->read(at, 500);
    if (lines.empty()) return false;
    for (const logs::Line& line : lines) {
      if (line.text.find(words) != std::string::npos) return true;
    }
    at = lines.back().number + 1;
  }
  return false;
}

std::string mebibytes(std::int64_t bytes) {
  return fmt::format("{} MiB", bytes >> 20);
}

}  // namespace

std::string first_cause(const std::filesystem::path& log) {
  const auto reader = logs::Reader::open(log);
  if (!reader) return "";
  const std::uint64_t all = reader->lines();
  std::uint64_t at = all > lines_looked_at ? all - lines_looked_at : 0;
  std::string last;
  while (at < all) {
    const auto lines = reader->read(at, 200);
    if (lines.empty()) break;
    for (const logs::Line& line : lines) {
      at = line.number + 1;
      if (line.stream == logs::Stream::platform) continue;
      const auto said = logs::parse_meltano_line(line.text);
      if (trim(said.text).empty()) continue;
      const bool is_error = said.level == "error" || said.level == "critical";
      const std::string text = said.plugin.empty() ? said.text : said.plugin + ": " + said.text;
      if (is_error && !says_nothing(said.text)) return cut(text);
      if (!says_nothing(said.text)) last = text;
    }
  }
  return cut(last);
}

store::RunResult result_of(const store::Run& run, const supervisor::Outcome& outcome,
                           const std::filesystem::path& log, const Options& options) {
  const RunLimits& limits = options.limits;
  store::RunResult result{.exit_code = outcome.exit_code,
                          .exit_signal = outcome.exit_signal,
                          .out_of_memory = outcome.out_of_memory,
                          .peak_memory = outcome.peak_memory,
                          .cpu_time = outcome.cpu_time,
                          .egress_bytes = outcome.egress_bytes,
                          .log_lines = static_cast<std::int64_t>(outcome.log_lines),
                          .ended_at = outcome.ended_at};
  if (!outcome.start_error.empty()) {
    result.status = store::RunStatus::failed;
    result.cause = "It never started: " + cut(outcome.start_error);
  } else if (outcome.exit_code == 0 && !outcome.exit_signal && !outcome.timed_out &&
             !outcome.out_of_memory && !outcome.out_of_disk) {
    // Also when a stop was asked for too late: it did all of its work.
    result.status = store::RunStatus::succeeded;
    if (says(log, "Failed to persist incremental state")) {
      result.status = store::RunStatus::failed;
      result.cause =
          "Meltano ended well but could not write the state it reached; the next run starts from "
          "the one before.";
    }
  } else if (outcome.server_silent) {
    result.status = store::RunStatus::lost;
    result.cause = fmt::format(
        "Its server gave no sign for {}: the run was ended before another could take its place.",
        to_text(longest_silence_for(options.lease)));
  } else if (outcome.stopped) {
    result.status = store::RunStatus::cancelled;
    result.cancel_code = run.cancel_code.value_or("user");
    result.cause =
        *result.cancel_code == "user" ? "stopped on request" : "stopped: " + *result.cancel_code;
  } else if (outcome.timed_out) {
    result.status = store::RunStatus::timed_out;
    result.cause = fmt::format("It ran longer than its limit of {}.", to_text(run.run_timeout));
  } else if (outcome.out_of_disk) {
    result.status = store::RunStatus::failed;
    result.cause = fmt::format("Out of disk: it wrote {}, its limit is {}.",
                               mebibytes(outcome.disk_used), mebibytes(limits.disk));
  } else if (outcome.out_of_memory) {
    result.status = store::RunStatus::failed;
    result.cause =
        fmt::format("Out of memory: killed at {} of {}.", mebibytes(outcome.peak_memory),
                    limits.memory > 0 ? mebibytes(limits.memory) : "what the machine has");
  } else {
    result.status = store::RunStatus::failed;
    const std::string ended = outcome.exit_signal
                                  ? fmt::format("ended by signal {}", *outcome.exit_signal)
                                  : fmt::format("exit code {}", outcome.exit_code.value_or(-1));
    // Of a log that is cut the last line tells nothing.
    const std::string cause = outcome.log_failed ? "" : first_cause(log);
    result.cause = cause.empty() ? ended : fmt::format("{} ({})", cause, ended);
  }
  if (outcome.out_of_processes && result.status == store::RunStatus::failed && result.cause &&
      !outcome.out_of_disk && !outcome.out_of_memory) {
    *result.cause += fmt::format("{} It had come to its limit of {} processes.",
                                 result.cause->ends_with('.') ? "" : ".", limits.processes);
  }
  if (outcome.log_failed) {
    const std::string before = result.cause.value_or("");
    result.cause = before + (before.empty() || before.ends_with('.') ? "" : ".") +
                   (before.empty() ? "" : " ") + "Its log is cut: the disk was full or broken.";
  }
  return result;
}

store::RunResult lost_result(std::string_view why) {
  return {.status = store::RunStatus::lost, .cause = std::string(why)};
}

}  // namespace cupola::runner
