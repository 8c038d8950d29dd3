#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "api/to_json.h"
#include "base/text.h"

namespace cupola::api {
namespace {

// Writes one object straight into a text: lists of runs are what is asked for most, and a tree of
// values would cost as much as reading them from the database.
class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  void text(std::string_view name, std::string_view value) {
    begin(name);
    quote(value);
  }
  void text_or_null(std::string_view name, const std::optional<std::string>& value) {
    value ? text(name, std::string_view(*value)) : null(name);
  }
  void texts(std::string_view name, const std::vector<std::string>& values) {
    begin(name);
    out_ += '[';
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (i > 0) out_ += ',';
      quote(values[i]);
    }
    out_ += ']';
  }
  void instant(std::string_view name, const std::optional<Instant>& value) {
    value ? text(name, to_rfc3339(*value)) : null(name);
  }
  template <typename T>
  void number(std::string_view name, const std::optional<T>& value) {
    if (!value) return null(name);
    begin(name);
    fmt::format_to(std::back_inserter(out_), "{}", *value);
  }
  void amount(std::string_view name, const std::optional<credits::Amount>& value) {
    if (!value) return null(name);
    begin(name);
    out_ += credits::to_text(*value);
  }
  void flag(std::string_view name, bool value) {
    begin(name);
    out_ += value ? "true" : "false";
  }
  void null(std::string_view name) {
    begin(name);
    out_ += "null";
  }

 private:
  void begin(std::string_view name) {
    out_ += out_.back() == '{' ? "\"" : ",\"";
    out_.append(name).append("\":");
  }
  void quote(std::string_view value) {
    const auto plain = [](char letter) {
      return letter >= 0x20 && letter < 0x7f && letter != '"' && letter != '\\';
    };
    if (std::all_of(value.begin(), value.end(), plain)) {
      out_.append("\"").append(value).append("\"");
    } else {
      out_ += json::serialize(json_text(value));
    }
  }

  std::string& out_;
};

}  // namespace

std::string to_json_text(const store::ListedRun& listed) {
  const store::Run& run = listed.run;
  std::string out;
  out.reserve(1024);
  out += '{';
  Writer write(out);
  write.text("id", run.id.text());
  write.text("project", listed.project_name);
  write.text("deployment", listed.deployment_name);
  write.text_or_null("schedule", run.schedule_name);
  write.texts("tasks", run.tasks);
  write.text("status", to_text(run.status));
  write.text("trigger", to_text(run.trigger));
  write.instant("scheduled_at", run.scheduled_at);
  write.instant("due_at", run.fire_due_at.value_or(run.due_at));
  write.instant("queued_at", run.queued_at);
  write.instant("started_at", run.started_at);
  write.instant("ended_at", run.ended_at);
  write.number("exit_code", run.exit_code);
  write.number("exit_signal", run.exit_signal);
  write.flag("out_of_memory", run.out_of_memory);
  write.number("attempt", std::optional(run.attempt));
  write.number("most_attempts", std::optional(run.most_attempts));
  const bool waits_again = run.status == store::RunStatus::queued && run.fire_due_at;
  write.instant("next_attempt_at", waits_again ? std::optional(run.due_at) : std::nullopt);
  write.number("stands_for", std::optional(run.stands_for));
  write.text_or_null("cause", run.cause);
  write.text_or_null("cancel_code", run.cancel_code);
  write.amount("credits", run.cost ? std::optional(run.cost->total()) : std::nullopt);
  write.amount("credits_base", run.cost ? std::optional(run.cost->base) : std::nullopt);
  write.amount("credits_run_time", run.cost ? std::optional(run.cost->run_time) : std::nullopt);
  write.amount("credits_egress", run.cost ? run.cost->egress : std::nullopt);
  write.text_or_null("sandbox", run.sandbox);
  write.number("peak_memory_bytes", run.peak_memory);
  write.number("cpu_ms", run.cpu_time ? std::optional(run.cpu_time->count()) : std::nullopt);
  write.number("egress_bytes", run.egress_bytes);
  write.texts("state_ids", run.state_ids);
  write.number("release", listed.release_number);
  write.flag("full_refresh", run.options.full_refresh);
  write.text("state_id_suffix", run.options.state_id_suffix);
  const auto& part = run.options.backfill;
  write.number("backfill", part ? std::optional(part->number) : std::nullopt);
  write.instant("interval_start", part ? std::optional(part->start) : std::nullopt);
  write.instant("interval_end", part ? std::optional(part->end) : std::nullopt);
  write.flag("log_kept", run.log_kept);
  out += '}';
  return out;
}

std::string to_json_text(const store::ListedRun& listed,
                         const std::vector<store::Attempt>& attempts) {
  std::string out = to_json_text(listed);
  out.back() = ',';
  out += "\"attempts\":[";
  for (const store::Attempt& attempt : attempts) {
    if (out.back() != '[') out += ',';
    out += '{';
    Writer write(out);
    write.number("attempt", std::optional(attempt.number));
    write.text("status", to_text(attempt.status));
    write.instant("started_at", attempt.started_at);
    write.instant("ended_at", attempt.ended_at);
    write.number("exit_code", attempt.exit_code);
    write.number("exit_signal", attempt.exit_signal);
    write.text_or_null("cause", attempt.cause);
    write.number("peak_memory_bytes", attempt.peak_memory);
    write.number("cpu_ms",
                 attempt.cpu_time ? std::optional(attempt.cpu_time->count()) : std::nullopt);
    write.number("egress_bytes", attempt.egress_bytes);
    write.number("run_time_ms",
                 attempt.run_time ? std::optional(attempt.run_time->count()) : std::nullopt);
    out += '}';
  }
  out += "]}";
  return out;
}

}  // namespace cupola::api
