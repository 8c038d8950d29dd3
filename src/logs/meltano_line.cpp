#include "logs/meltano_line.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/json.h"
#include "base/text.h"

namespace cupola::logs {
namespace {

constexpr std::string_view metric_mark = "METRIC: ";

std::string known_level(std::string_view level) {
  const std::string lower = to_lower(level);
  if (lower == "warn") return "warning";
  if (lower == "critical" || lower == "fatal" || lower == "exception") return "error";
  for (const std::string_view known : {"debug", "info", "warning", "error"}) {
    if (lower == known) return lower;
  }
  return "";
}

/// "tap-events" of "… meltano.plugin.stderr.extractors.tap-events (INFO)…".
std::string plugin_of_logger(std::string_view logger) {
  constexpr std::string_view mark = "meltano.plugin.";
  const std::size_t at = logger.find(mark);
  if (at == std::string_view::npos) return "";
  const std::vector<std::string_view> parts =
      split(logger.substr(at, logger.find_first_of(" >", at) - at), '.');
  if (parts.size() < 5) return "";  // meltano, plugin, stdio, type, name (which may hold dots)
  return std::string(
      parts[4].data(),
      static_cast<std::size_t>(parts.back().data() + parts.back().size() - parts[4].data()));
}

/// Older taps print a Python dictionary where newer ones print JSON.
std::string python_to_json(std::string_view text) {
  std::string json(text);
  std::replace(json.begin(), json.end(), '\'', '"');
  for (const auto& [word, meaning] : {std::pair{": None", ": null"}, std::pair{": True", ": true"},
                                      std::pair{": False", ": false"}}) {
    for (std::size_t at = json.find(word); at != std::string::npos; at = json.find(word, at)) {
      json.replace(at, std::string_view(word).size(), meaning);
    }
  }
  return json;
}

void read_metric(const json::object& metric, MeltanoLine& line) {
  const json::value* tags = metric.if_contains("tags");
  if (tags != nullptr && tags->is_object()) {
    line.stream = text_at(tags->get_object(), "stream");
    if (line.stream.empty()) line.stream = text_at(tags->get_object(), "endpoint");
  }
  const json::value* value = metric.if_contains("value");
  if (text_at(metric, "metric") == "record_count" && value != nullptr && value->is_number()) {
    boost::system::error_code error;
    const auto count = value->to_number<std::int64_t>(error);
    if (!error && count >= 0) line.records = count;
  }
}

/// Where a secret is "true" or "1234", masking leaves `"key": ****`: read it as null.
std::string with_masked_values_null(std::string_view text) {
  constexpr std::string_view masked = "\": ****";
  std::string json;
  for (;;) {
    const std::size_t at = text.find(masked);
    if (at == std::string_view::npos) return json.append(text);
    json.append(text.substr(0, at));
    const bool in_a_string = at > 0 && text[at - 1] == '\\';
    json.append(in_a_string ? masked : "\": null");
    text.remove_prefix(at + masked.size());
    if (!in_a_string) text.remove_prefix(std::min(text.find_first_of(",}"), text.size()));
  }
}

/// "… METRIC: {…}" as singer-python and plugins without structured logs write it.
void read_plain_metric(MeltanoLine& line) {
  const std::size_t at = line.text.find(metric_mark);
  if (at == std::string::npos) return;
  const std::string_view rest = trim(std::string_view(line.text).substr(at + metric_mark.size()));
  if (!rest.starts_with('{')) return;
  Result<json::value> metric = parse_json(rest);
  if (!metric) metric = parse_json(python_to_json(rest));
  if (metric && metric->is_object()) read_metric(metric->get_object(), line);
}

/// A traceback as Python prints it, the innermost call last. `function` names the member that
/// holds a frame's function: meltano's own exceptions and those of plugins differ there.
std::string traceback_text(const json::value* frames, std::string_view function) {
  if (frames == nullptr || !frames->is_array() || frames->get_array().empty()) return "";
  std::string text = "\nTraceback (most recent call last):";
  for (const json::value& value : frames->get_array()) {
    if (!value.is_object()) continue;
    const json::object& frame = value.get_object();
    text += fmt::format("\n  File \"{}\", line {}, in {}", text_at(frame, "filename"),
                        number_at(frame, "lineno"), text_at(frame, function));
    const std::string code = text_at(frame, "line");
    if (!trim(code).empty()) text.append("\n    ").append(trim(code));
  }
  return text;
}

/// As Singer SDK taps report one: {type, message, traceback, cause}.
std::string plugin_exception_text(const json::object& exception) {
  std::string text = traceback_text(exception.if_contains("traceback"), "function");
  text += fmt::format("\n{}: {}", text_at(exception, "type", "Exception"),
                      text_at(exception, "message"));
  const json::value* cause = exception.if_contains("cause");
  for (int depth = 0; cause != nullptr && cause->is_object() && depth < 8; ++depth) {
    text += fmt::format("\ncaused by {}: {}", text_at(cause->get_object(), "type", "Exception"),
                        text_at(cause->get_object(), "message"));
    cause = cause->get_object().if_contains("cause");
  }
  return text;
}

/// As meltano reports its own: [{exc_type, exc_value, frames}], the last raised first.
std::string exceptions_text(const json::array& exceptions) {
  std::string text;
  for (const json::value& value : exceptions) {
    if (!value.is_object()) continue;
    const json::object& exception = value.get_object();
    if (text.empty()) text = traceback_text(exception.if_contains("frames"), "name");
    text +=
        fmt::format("\n{}{}: {}", &value == &exceptions.front() ? "" : "caused by ",
                    text_at(exception, "exc_type", "Exception"), text_at(exception, "exc_value"));
  }
  return text;
}

/// What the line says beside its event: how it ended, and the exceptions.
std::string outcome_text(const json::object& object) {
  std::string text;
  for (const std::string_view key : {"err", "status"}) {
    const std::string outcome = text_at(object, key);
    if (!outcome.empty() && !object.contains("stdio")) text += ": " + outcome;
  }
  const json::value* exception = object.if_contains("exception");
  if (exception != nullptr && exception->is_string()) {
    text.append("\n").append(exception->get_string());
  } else if (exception != nullptr && exception->is_array()) {
    text += exceptions_text(exception->get_array());
  }
  const json::value* plugin = object.if_contains("plugin_exception");
  if (plugin != nullptr && plugin->is_object()) text += plugin_exception_text(plugin->get_object());
  return text;
}

void read_source(const json::object& object, MeltanoLine& line) {
  line.stdio = text_at(object, "stdio");
  line.plugin = text_at(object, "string_id");
  if (line.plugin.empty()) line.plugin = plugin_of_logger(text_at(object, "_logger"));
  // Without these, `name` is all there is; of meltano's own lines it is "meltano".
  if (line.plugin.empty() && !line.stdio.empty()) line.plugin = text_at(object, "name");
  line.job = text_at(object, "job_name");
  if (line.job.empty()) line.job = text_at(object, "state_id");
  const std::string kind = text_at(object, "cmd_type");  // of `meltano elt`
  line.producer = flag_at(object, "producer", kind == "extractor");
  line.consumer = flag_at(object, "consumer", kind == "loader");
}

}  // namespace

MeltanoLine parse_meltano_line(std::string_view text) {
  MeltanoLine line;
  line.text = std::string(text);
  const std::string_view trimmed = trim(text);
  Result<json::value> parsed = json::value();
  if (trimmed.starts_with('{')) {
    parsed = parse_json(trimmed);
    if (!parsed) parsed = parse_json(with_masked_values_null(trimmed));
  }
  const json::object* object = parsed ? parsed->if_object() : nullptr;
  const json::value* event = object == nullptr ? nullptr : object->if_contains("event");
  if (event == nullptr || !event->is_string() || !object->contains("level")) {
    read_plain_metric(line);
    return line;
  }

  line.level = known_level(text_at(*object, "level"));
  read_source(*object, line);
  line.text = std::string(event->get_string());

  const json::value* metric = object->if_contains("metric_info");
  if (metric != nullptr && metric->is_object()) {
    read_metric(metric->get_object(), line);
    line.text = std::string(metric_mark) + json::serialize(*metric);
  } else {
    read_plain_metric(line);
  }
  if (line.stream.empty()) line.stream = text_at(*object, "stream_name");
  line.text += outcome_text(*object);
  return line;
}

}  // namespace cupola::logs
