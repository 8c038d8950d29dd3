#include "cli/plan.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "cli/show.h"
#include "cli/terminal.h"

namespace cupola::cli {
namespace {

bool is_fatal(const json::value& fault) {
  return fault.is_object() && text_at(fault.get_object(), "severity", "rejects") == "rejects";
}

/// What stands under `key` of a plan's item, in a few words: "0 5 * * *", or an object as JSON.
std::string part_at(const json::object& item, std::string_view key) {
  const json::value* part = item.if_contains(key);
  if (part == nullptr || part->is_null()) return "";
  return part->is_string() ? std::string(part->get_string()) : json::serialize(*part);
}

std::string from_to(const json::object& item) {
  const std::string from = part_at(item, "from");
  const std::string to = part_at(item, "to");
  return from.empty() || to.empty() ? from + to : from + " → " + to;
}

Cell change_cell(std::string_view change) {
  const bool goes = change == "vanishes";
  const bool comes = change == "appears" || change == "build" || change == "returns";
  return {std::string(change), goes ? Colour::red : comes ? Colour::green : Colour::none};
}

Table table_of_plan(const json::object& plan) {
  Table table({"what", "name", "change", "details"});
  for (const auto& item : array_at(plan, "schedules")) {
    const auto& schedule = item.get_object();
    std::string details = from_to(schedule);
    if (flag_at(schedule, "enabled")) details += details.empty() ? "on" : ", on";
    table.add({"schedule", text_at(schedule, "name"), change_cell(text_at(schedule, "change")),
               std::move(details)});
  }
  for (const auto& item : array_at(plan, "plugins")) {
    const auto& plugin = item.get_object();
    const std::string type = text_at(plugin, "type");  // empty for Meltano itself
    table.add({type.empty() ? "program" : type, text_at(plugin, "name"),
               change_cell(text_at(plugin, "change")), from_to(plugin)});
  }
  for (const auto& item : array_at(plan, "build")) {
    if (item.is_string()) table.add({"build", std::string(item.get_string()), "run", "once"});
  }
  return table;
}

std::string fault_line(const json::object& fault) {
  std::string place = text_at(fault, "file");
  if (const auto line = number_at(fault, "line"); line > 0) place += fmt::format(":{}", line);
  const std::string text = fmt::format("{} {}", text_at(fault, "message"), text_at(fault, "hint"));
  return place.empty() ? text : fmt::format("{}: {}", place, text);
}

}  // namespace

int print_plan(std::string_view format, const json::object& plan, std::string_view what) {
  const auto& faults = array_at(plan, "faults");
  const bool is_stopped = std::any_of(faults.begin(), faults.end(), is_fatal);
  if (format == "table") {
    print(fmt::format("{} would bring commit {}{}.\n", printable(what),
                      short_commit(text_at(plan, "commit")),
                      flag_at(plan, "unchanged") ? ", which changes nothing" : ""));
  }
  print_list(format, plan, table_of_plan(plan),
             is_stopped ? "It would fail." : "Schedules and plugins stay as they are.");
  if (format == "table") {
    const std::string uri = text_at(object_at(plan, "state"), "uri");
    print(uri.empty()
              ? "Cupola keeps the state.\n"
              : fmt::format("The project keeps its state itself, in {}.\n", printable(uri)));
    for (const auto& item : array_at(plan, "overrides")) {
      const auto& one = item.get_object();
      const std::string misfit = text_at(one, "misfit");
      if (misfit.empty()) continue;
      say(painted(printable(fmt::format("warning: schedule {}, {} set through the API: {}",
                                        text_at(one, "schedule"), text_at(one, "setting"), misfit)),
                  Colour::yellow, has_colours(stderr)));
    }
    for (const auto& fault : faults) {
      if (!fault.is_object()) continue;
      const bool fatal = is_fatal(fault);
      say(painted((fatal ? "" : "warning: ") + printable(fault_line(fault.get_object())),
                  fatal ? Colour::red : Colour::yellow, has_colours(stderr)));
    }
  }
  return is_stopped ? 1 : 0;
}

}  // namespace cupola::cli
