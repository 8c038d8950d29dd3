#include "deploy/plan.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "cron/offset.h"
#include "cron/zone.h"

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

/// "@daily Europe/Berlin, retries 2: run load-all", as far as it is known.
std::string describe(std::string_view interval, const store::ScheduleSettings& settings,
                     const std::vector<std::string>& command) {
  std::string text(interval);
  const std::string zone = settings.timezone.value_or("UTC");
  if (zone != "UTC") text += " " + zone;
  for (const std::string_view name : store::schedule_setting_names()) {
    const json::value value = store::setting_value(settings, name);
    if (name == "timezone" || value.is_null() ||
        value == store::setting_value(store::default_settings(), name))
      continue;
    text += fmt::format(", {} {}", name, store::setting_text(value));
  }
  if (!command.empty()) text += ": " + join(command, " ");
  return text;
}

const store::ContentSchedule* find(const store::ReleaseContent* content, std::string_view name) {
  return content == nullptr ? nullptr : store::find_schedule(*content, name);
}

/// The tasks of the job that the schedule runs.
std::string tasks_of(const store::ReleaseContent& content, const store::ContentSchedule& schedule) {
  const auto job = std::find_if(content.jobs.begin(), content.jobs.end(),
                                [&](const auto& one) { return one.name == schedule.job; });
  return job == content.jobs.end() ? "" : join(job->tasks, ", ");
}

/// What a schedule is besides interval, settings and command, for a person.
std::vector<std::pair<std::string, std::string>> details_of(const store::ReleaseContent& content,
                                                            const store::ContentSchedule& one) {
  std::vector<std::string> env;
  for (const auto& variable : one.env) env.push_back(variable.first);
  return {{"tasks", tasks_of(content, one)},
          {"env", join(env, " ")},
          {"state ids", join(one.settings.state_ids, " ")}};
}

/// Adds to both what differs of the details.
void add_details(const store::ReleaseContent& before, const store::ContentSchedule& old,
                 const store::ReleaseContent& after, const store::ContentSchedule& schedule,
                 std::string& from, std::string& to) {
  const auto were = details_of(before, old);
  const auto are = details_of(after, schedule);
  for (std::size_t i = 0; i < are.size(); ++i) {
    if (were[i] == are[i]) continue;
    const auto shown = [](const std::string& text) { return text.empty() ? "none" : text; };
    from += fmt::format("; {} {}", were[i].first, shown(were[i].second));
    to += fmt::format("; {} {}", are[i].first, shown(are[i].second));
  }
  // Of variables the names alone are told.
  if (old.env != schedule.env) to += "; other values in env";
}

/// What the API's settings must be to the interval that the release has. An interval that cannot be
/// read is a fault of its own.
std::optional<Error> misfit_of(const store::ContentSchedule& schedule,
                               const store::ScheduleSettings& own, std::string_view name) {
  if (name == "timezone") {
    const auto zone = cron::Zone::find(*own.timezone);
    if (zone) return std::nullopt;
    Error error = zone.error();
    error.message += " The schedule fires no more.";
    return error;
  }
  const auto expression = cron::Expression::parse(schedule.settings.interval);
  if (name != "offset" || !own.offset->minutes || !expression) return std::nullopt;
  const auto fits = cron::check_offset(*expression, *own.offset->minutes);
  if (fits) return std::nullopt;
  Error error = fits.error();
  error.message += " It holds all the same: each fire comes at its nominal time plus that.";
  return error;
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
    std::string to =
        describe(schedule.settings.interval, store::merged(schedule.settings.given, row->own),
                 old == nullptr ? std::vector<std::string>{} : schedule.command);
    std::string from = describe(row->interval, store::merged(row->given, row->own),
                                old == nullptr ? std::vector<std::string>{} : old->command);
    if (old != nullptr) add_details(*before, *old, after, schedule, from, to);
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

std::vector<Override> find_overrides(const std::vector<store::Schedule>& known,
                                     const store::ReleaseContent& after) {
  std::vector<Override> overrides;
  for (const auto& row : known) {
    const auto* schedule = find(&after, row.name);
    if (schedule == nullptr) continue;
    for (const std::string_view name : store::schedule_setting_names()) {
      json::value value = store::setting_value(row.own, name);
      if (value.is_null()) continue;
      overrides.push_back({.schedule = row.name,
                           .setting = std::string(name),
                           .value = std::move(value),
                           .given = store::setting_value(schedule->settings.given, name),
                           .misfit = misfit_of(*schedule, row.own, name)});
    }
  }
  return overrides;
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
  json::array overrides;
  for (const auto& one : plan.overrides) {
    json::object override{{"schedule", json_text(one.schedule)},
                          {"setting", one.setting},
                          {"value", one.value},
                          {"given", one.given}};
    if (one.misfit) override["misfit"] = json_text(to_text(*one.misfit));
    overrides.push_back(std::move(override));
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
  json::array build;
  for (const auto& task : plan.build) build.emplace_back(json_text(task));
  return {{"commit", plan.commit},
          {"unchanged", plan.unchanged},
          {"build", std::move(build)},
          {"schedules", std::move(schedules)},
          {"overrides", std::move(overrides)},
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
  for (const auto& one : plan.overrides) {
    lines.push_back(fmt::format("schedule {} keeps {} {}, set through the API{}", one.schedule,
                                one.setting, store::setting_text(one.value),
                                one.given.is_null() ? ""
                                                    : fmt::format(", over {} of meltano.yml",
                                                                  store::setting_text(one.given))));
    if (one.misfit) {
      lines.push_back(fmt::format("warning: schedule {}, {}: {}", one.schedule, one.setting,
                                  to_text(*one.misfit)));
    }
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
