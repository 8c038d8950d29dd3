#include "deploy/plan.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"

namespace cupola::deploy {
namespace {

std::string_view word(ScheduleChange::Kind kind) {
  switch (kind) {
    case ScheduleChange::Kind::appears:
      return "appears";
    case ScheduleChange::Kind::vanishes:
      return "vanishes";
    case ScheduleChange::Kind::changes:
      return "changes";
    case ScheduleChange::Kind::returns:
      break;
  }
  return "returns";
}

std::string_view word(PluginChange::Kind kind) {
  switch (kind) {
    case PluginChange::Kind::build:
      return "build";
    case PluginChange::Kind::reuse:
      return "reuse";
    case PluginChange::Kind::change:
      break;
  }
  return "change";
}

/// "@daily Europe/Berlin: run load-all", as far as it is known.
std::string describe(std::string_view interval, std::string_view zone,
                     const std::vector<std::string>& command) {
  std::string text(interval);
  if (zone != "UTC") text += fmt::format(" {}", zone);
  if (!command.empty()) text += ": " + join(command, " ");
  return text;
}

const store::ContentSchedule* find(const store::ReleaseContent* content, std::string_view name) {
  if (content == nullptr) return nullptr;
  const auto found =
      std::find_if(content->schedules.begin(), content->schedules.end(),
                   [&](const auto& schedule) { return schedule.settings.name == name; });
  return found == content->schedules.end() ? nullptr : &*found;
}

json::object with_change(json::object object, const std::string& from, const std::string& to) {
  if (!from.empty()) object["from"] = json_text(from);
  if (!to.empty()) object["to"] = json_text(to);
  return object;
}

}  // namespace

std::vector<ScheduleChange> compare_schedules(const std::vector<store::Schedule>& known,
                                              const store::ReleaseContent* before,
                                              const store::ReleaseContent& after) {
  std::vector<ScheduleChange> changes;
  for (const auto& schedule : after.schedules) {
    const std::string& name = schedule.settings.name;
    const auto row =
        std::find_if(known.begin(), known.end(), [&](const auto& one) { return one.name == name; });
    if (row == known.end()) {
      changes.push_back({.name = name, .kind = ScheduleChange::Kind::appears});
      continue;
    }
    if (!row->present) {
      changes.push_back(
          {.name = name, .kind = ScheduleChange::Kind::returns, .enabled = row->enabled});
      continue;
    }
    const auto* old = find(before, name);
    const std::string to = describe(schedule.settings.interval, schedule.settings.timezone,
                                    old == nullptr ? std::vector<std::string>{} : schedule.command);
    const std::string from = describe(row->interval, row->timezone,
                                      old == nullptr ? std::vector<std::string>{} : old->command);
    if (from == to) continue;
    changes.push_back({.name = name,
                       .kind = ScheduleChange::Kind::changes,
                       .enabled = row->enabled,
                       .from = from,
                       .to = to});
  }
  for (const auto& row : known) {
    if (row.present && find(&after, row.name) == nullptr) {
      changes.push_back({.name = row.name, .kind = ScheduleChange::Kind::vanishes});
    }
  }
  return changes;
}

PluginChange compare_plugin(const std::string& name, const Lock& before, const LockEntry* after,
                            bool is_there) {
  const auto slash = name.find('/');
  PluginChange change{.name = slash == std::string::npos ? name : name.substr(slash + 1),
                      .type = slash == std::string::npos ? "" : name.substr(0, slash),
                      .kind = is_there ? PluginChange::Kind::reuse : PluginChange::Kind::build};
  const LockEntry* old = before.find_name(name);
  if (old == nullptr || after == nullptr || old->resolution == after->resolution) return change;

  const auto old_pins = pins(old->resolution);
  const auto new_pins = pins(after->resolution);
  std::vector<std::string> gone;
  std::vector<std::string> come;
  std::set_difference(old_pins.begin(), old_pins.end(), new_pins.begin(), new_pins.end(),
                      std::back_inserter(gone));
  std::set_difference(new_pins.begin(), new_pins.end(), old_pins.begin(), old_pins.end(),
                      std::back_inserter(come));
  change.kind = PluginChange::Kind::change;
  change.from = join(gone, ", ");
  change.to = join(come, ", ");
  return change;
}

json::object to_json(const Plan& plan) {
  json::array schedules;
  for (const auto& change : plan.schedules) {
    schedules.push_back(with_change({{"name", json_text(change.name)},
                                     {"change", word(change.kind)},
                                     {"enabled", change.enabled}},
                                    change.from, change.to));
  }
  json::array plugins;
  for (const auto& change : plan.plugins) {
    plugins.push_back(with_change({{"name", json_text(change.name)},
                                   {"type", json_text(change.type)},
                                   {"change", word(change.kind)}},
                                  change.from, change.to));
  }
  json::array faults;
  for (const Finding& finding : plan.faults) {
    const auto& fault = finding.fault;
    faults.push_back({{"file", json_text(fault.place.file)},
                      {"line", fault.place.line},
                      {"column", fault.place.column},
                      {"message", json_text(fault.message)},
                      {"hint", json_text(fault.hint)},
                      {"severity", finding.fatal ? "rejects" : "warning"}});
  }
  return {{"commit", plan.commit},
          {"schedules", std::move(schedules)},
          {"plugins", std::move(plugins)},
          {"state", plan.own_state.empty()
                        ? json::object{{"kept_by", "cupola"}}
                        : json::object{{"kept_by", "project"}, {"uri", json_text(plan.own_state)}}},
          {"faults", std::move(faults)}};
}

std::vector<std::string> to_lines(const Plan& plan) {
  std::vector<std::string> lines;
  for (const auto& change : plan.schedules) {
    std::string line = fmt::format("schedule {} {}", change.name, word(change.kind));
    if (change.kind == ScheduleChange::Kind::appears) line += ", switched off";
    if (change.kind == ScheduleChange::Kind::returns) {
      line += change.enabled ? ", switched on" : ", switched off";
    }
    if (!change.to.empty()) line += fmt::format(" from '{}' to '{}'", change.from, change.to);
    lines.push_back(std::move(line));
  }
  for (const auto& change : plan.plugins) {
    std::string line = fmt::format("plugin {}: {}", change.name, word(change.kind));
    if (change.kind == PluginChange::Kind::change) {
      line += fmt::format(" [{}] to [{}]", change.from, change.to);
    }
    lines.push_back(std::move(line));
  }
  if (!plan.own_state.empty()) {
    lines.push_back(fmt::format("state: the project keeps it itself, in {}", plan.own_state));
  }
  return lines;
}

}  // namespace cupola::deploy
