#include "cli/log_view.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "cli/show.h"

namespace cupola::cli {
namespace {

constexpr std::size_t widest_plugin = 32;

/// "03:18:01" of a time; as many spaces where there is none.
std::string clock_of(const std::string& rfc3339) {
  const std::string shown = shown_time(rfc3339);
  return shown.size() == 19 ? shown.substr(11) : std::string(8, ' ');
}

/// Continued lines stand below the first one's text.
std::string indented(std::string_view text, std::size_t width) {
  std::string result;
  for (const char c : text) {
    result += c;
    if (c == '\n') result.append(width, ' ');
  }
  return result;
}

Colour colour_of(const json::object& line) {
  const std::string level = text_at(line, "level");
  if (level == "error" || level == "critical") return Colour::red;
  if (level == "warning") return Colour::yellow;
  if (text_at(line, "stream") == "platform") return Colour::blue;
  return level == "debug" ? Colour::dim : Colour::none;
}

}  // namespace

std::string LogView::line(const json::object& line) {
  const bool platform = text_at(line, "stream") == "platform";
  std::string plugin = printable(text_at(line, "plugin", platform ? "cupola" : "meltano"));
  if (plugin.empty()) plugin = platform ? "cupola" : "meltano";
  if (const auto records = number_at(line, "records"); records > 0) {
    const std::string stream = printable(text_at(line, "singer_stream"));
    records_[stream.empty() ? plugin + ":" : plugin + ": " + stream] += records;
  }

  plugin_width_ = std::min(std::max(plugin_width_, shown_width(plugin)), widest_plugin);
  const std::size_t missing = plugin_width_ - std::min(plugin_width_, shown_width(plugin));
  const std::string text = printable(trim(text_at(line, "text")));
  return fmt::format("{} {}{}  {}\n",
                     painted(clock_of(text_at(line, "time")), Colour::dim, colours_),
                     painted(plugin, Colour::dim, colours_), std::string(missing, ' '),
                     painted(indented(text, 11 + plugin_width_), colour_of(line), colours_));
}

std::string LogView::summary(const json::object& run) const {
  const Cell status = run_status_cell(run);
  std::string text = painted(status.text, status.colour, colours_);
  if (const std::string took = shown_duration(run); !took.empty()) text += " in " + took;
  if (const auto* code = run.if_contains("exit_code"); code != nullptr && code->is_int64()) {
    text += fmt::format(", exit code {}", code->get_int64());
  }
  if (text_at(run, "status") != "succeeded") {
    if (const std::string cause = text_at(run, "cause"); !cause.empty())
      text += ": " + printable(cause);
  }
  for (const auto& [what, records] : records_) {
    text +=
        fmt::format("; {} {} {}", what, shown_number(records), records == 1 ? "record" : "records");
  }
  std::vector<std::string> ids;
  for (const auto& id : array_at(run, "state_ids")) {
    if (id.is_string()) ids.push_back(printable(id.get_string()));
  }
  if (!ids.empty()) text += "; state " + join(ids, ", ");
  return text + '\n';
}

}  // namespace cupola::cli
