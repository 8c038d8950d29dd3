#include "logs/meltano_line.h"

#include <algorithm>
#include <array>

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

/// What the line says of an error beside its event.
std::string error_text(const json::object& object) {
  std::string text;
  const std::string failed_block = text_at(object, "err");
  if (!failed_block.empty()) text += ": " + failed_block;
  const std::string traceback = text_at(object, "exception");
  if (!traceback.empty()) text += "\n" + traceback;
  const json::value* plugin = object.if_contains("plugin_exception");
  if (plugin != nullptr && plugin->is_object()) {
    const json::object& exception = plugin->get_object();
    text += "\n" + text_at(exception, "type", "Exception") + ": " + text_at(exception, "message");
  }
  return text;
}

}  // namespace

MeltanoLine parse_meltano_line(std::string_view text) {
  MeltanoLine line;
  line.text = std::string(text);
  const std::string_view trimmed = trim(text);
  const Result<json::value> parsed =
      trimmed.starts_with('{') ? parse_json(trimmed) : Result<json::value>(json::value());
  const json::object* object = parsed ? parsed->if_object() : nullptr;
  const json::value* event = object == nullptr ? nullptr : object->if_contains("event");
  if (event == nullptr || !event->is_string() || !object->contains("level")) {
    read_plain_metric(line);
    return line;
  }

  line.level = known_level(text_at(*object, "level"));
  line.stdio = text_at(*object, "stdio");
  line.plugin = text_at(*object, "string_id");
  if (line.plugin.empty()) line.plugin = plugin_of_logger(text_at(*object, "_logger"));
  if (line.plugin.empty()) line.plugin = text_at(*object, "name");
  line.text = std::string(event->get_string());

  const json::value* metric = object->if_contains("metric_info");
  if (metric != nullptr && metric->is_object()) {
    read_metric(metric->get_object(), line);
    line.text = std::string(metric_mark) + json::serialize(*metric);
  } else {
    read_plain_metric(line);
  }
  if (line.stream.empty()) line.stream = text_at(*object, "stream_name");
  line.text += error_text(*object);
  return line;
}

}  // namespace cupola::logs
