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

/// Goes through the last lines of the log, of those that the run's present attempt wrote, until
/// `look` gives true; gives whether it did.
template <typename Look>
bool look_at_last_lines(const store::Run& run, const std::filesystem::path& log, Look look) {
  const auto reader = logs::Reader::open(log);
  if (!reader) return false;
  const std::uint64_t all = reader->lines();
  const auto each_from = [&](std::uint64_t at, auto&& one) {
    while (at < all) {
      const auto lines = reader->read(at, 200);
      if (lines.empty()) return false;
      for (const logs::Line& line : lines) {
        if (one(line)) return true;
      }
      at = lines.back().number + 1;
    }
    return false;
  };
  std::uint64_t first = all > lines_looked_at ? all - lines_looked_at : 0;
  if (run.attempt > 1) {
    each_from(first, [&, opening = opening_of(run)](const logs::Line& line) {
      if (line.stream == logs::Stream::platform && line.text == opening) first = line.number;
      return false;
    });
  }
  return each_from(first, look);
}

std::string mebibytes(std::int64_t bytes) {
  return fmt::format("{} MiB", bytes >> 20);
}

std::string words_for_stop(std::string_view cancel_code) {
  if (cancel_code == "user") return "stopped on request";
  if (cancel_code == "deployment_deleted") return "its deployment was deleted";
  if (cancel_code == "shutdown") return "the machine was shut down";
  return fmt::format("stopped: {}", cancel_code);
}

}  // namespace

std::string opening_of(const store::Run& run) {
  return fmt::format("Attempt {} of {}.", run.attempt, run.most_attempts);
}

std::string first_cause(const store::Run& run, const std::filesystem::path& log) {
  std::string cause;
  look_at_last_lines(run, log, [&](const logs::Line& line) {
    if (line.stream == logs::Stream::platform) return false;
    const auto said = logs::parse_meltano_line(line.text);
    if (trim(said.text).empty() || says_nothing(said.text)) return false;
    cause = said.plugin.empty() ? said.text : said.plugin + ": " + said.text;
    return said.level == "error" || said.level == "critical";
  });
  return cut(cause);
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
                          .ended_at = outcome.ended_at,
                          .run_time = outcome.run_time};
  if (!outcome.start_error.empty()) {
    result.status = store::RunStatus::failed;
    result.cause = "It never started: " + cut(outcome.start_error);
  } else if (outcome.exit_code == 0 && !outcome.exit_signal && !outcome.timed_out &&
             !outcome.out_of_memory && !outcome.out_of_disk) {
    // Also when a stop was asked for too late: it did all of its work.
    result.status = store::RunStatus::succeeded;
    if (look_at_last_lines(run, log, [](const logs::Line& line) {
          return line.text.find("Failed to persist incremental state") != std::string::npos;
        })) {
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
    // Nobody asked this server to: the machine told all its programs to end.
    result.cancel_code = run.cancel_code.value_or(run.stop_requested_at ? "user" : "shutdown");
    result.cause = words_for_stop(*result.cancel_code);
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
    const std::string cause = outcome.log_failed ? "" : first_cause(run, log);
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
