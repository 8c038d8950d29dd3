#include "cli/show.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/plain_json.h"
#include "base/steering.h"
#include "base/text.h"

namespace cupola::cli {
namespace {

void write_pretty(std::string& out, const json::value& value, std::size_t depth) {
  const auto indent = [&](std::size_t by) { out.append(2 * by, ' '); };
  if (value.is_object() && !value.get_object().empty()) {
    std::string_view before = "{\n";
    for (const auto& [key, member] : value.get_object()) {
      out += before;
      before = ",\n";
      indent(depth + 1);
      out += json::serialize(json::string(key)) + ": ";
      write_pretty(out, member, depth + 1);
    }
    out += '\n';
    indent(depth);
    out += '}';
  } else if (value.is_array() && !value.get_array().empty()) {
    std::string_view before = "[\n";
    for (const auto& item : value.get_array()) {
      out += before;
      before = ",\n";
      indent(depth + 1);
      write_pretty(out, item, depth + 1);
    }
    out += '\n';
    indent(depth);
    out += ']';
  } else {
    out += to_plain_text(value);
  }
}

}  // namespace

std::string shown_time(std::string_view rfc3339) {
  if (rfc3339.empty()) return "-";
  const auto instant = parse_rfc3339(rfc3339);
  if (!instant) return printable(rfc3339);
  std::string text = to_rfc3339(std::chrono::floor<std::chrono::seconds>(*instant));
  text[10] = ' ';
  text.pop_back();
  return text;
}

std::string time_at(const json::object& object, std::string_view key) {
  return shown_time(text_at(object, key));
}

std::string shown_duration(const json::object& run) {
  const auto from = parse_rfc3339(text_at(run, "started_at"));
  const auto to = parse_rfc3339(text_at(run, "ended_at"));
  return from && to ? to_text(*to - *from) : "";
}

Cell status_cell(std::string_view status) {
  constexpr std::array<std::pair<std::string_view, Colour>, 22> colours{{
      {"succeeded", Colour::green}, {"live", Colour::green},      {"running", Colour::blue},
      {"starting", Colour::blue},   {"stopping", Colour::yellow}, {"deploying", Colour::blue},
      {"building", Colour::blue},   {"queued", Colour::yellow},   {"cancelled", Colour::yellow},
      {"skipped", Colour::dim},     {"retired", Colour::dim},     {"failed", Colour::red},
      {"timed_out", Colour::red},   {"lost", Colour::red},        {"late", Colour::red},
      {"recovered", Colour::green}, {"delivered", Colour::green}, {"waiting", Colour::yellow},
      {"active", Colour::green},    {"inactive", Colour::dim},    {"unchanged", Colour::dim},
      {"deleted", Colour::dim},
  }};
  const auto found = std::find_if(colours.begin(), colours.end(),
                                  [&](const auto& entry) { return entry.first == status; });
  return {std::string(status), found == colours.end() ? Colour::none : found->second};
}

Cell run_status_cell(const json::object& run) {
  Cell cell = status_cell(text_at(run, "status"));
  const std::int64_t most = number_at(run, "most_attempts", 1);
  if (most > 1) cell.text += fmt::format(", attempt {}/{}", number_at(run, "attempt", 1), most);
  return cell;
}

std::string what_of(const json::object& run) {
  if (std::string schedule = text_at(run, "schedule"); !schedule.empty()) return schedule;
  std::vector<std::string> words;
  for (const auto& task : array_at(run, "tasks")) {
    if (task.is_string()) words.emplace_back(task.get_string());
  }
  return join(words, " ");
}

std::string short_commit(std::string_view commit) {
  return std::string(commit.substr(0, 12));
}

std::string shown_number(std::int64_t number) {
  std::string text = fmt::format("{}", number);
  const std::size_t first = number < 0 ? 1 : 0;
  for (std::size_t at = text.size(); at > first + 3; at -= 3) text.insert(at - 3, 1, ',');
  return text;
}

const json::object& object_at(const json::object& object, std::string_view key) {
  static const json::object none;
  const json::value* member = object.if_contains(key);
  return member != nullptr && member->is_object() ? member->get_object() : none;
}

const json::array& array_at(const json::object& object, std::string_view key) {
  static const json::array none;
  const json::value* member = object.if_contains(key);
  return member != nullptr && member->is_array() ? member->get_array() : none;
}

std::string pretty(const json::value& value) {
  std::string out;
  write_pretty(out, value, 0);
  return harmless_json(out) + '\n';
}

void print_list(std::string_view format, const json::value& answer, const Table& table,
                std::string_view none) {
  if (format == "json") {
    print(pretty(answer));
  } else if (format == "markdown") {
    print(table.markdown());
  } else if (table.empty()) {
    say(none);
  } else {
    print(table.text(has_colours(stdout)));
  }
}

}  // namespace cupola::cli
