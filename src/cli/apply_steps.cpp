#include "cli/apply_steps.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "base/text.h"
#include "cli/apply_people.h"
#include "cli/release.h"
#include "cli/show.h"

namespace cupola::cli {
namespace {

using Kind = Step::Kind;

/// "environment dev → prod, revision main → v2": what differs of these members.
std::string differences(const json::object& present, const json::object& wanted) {
  std::vector<std::string> parts;
  for (const auto& [key, value] : wanted) {
    const json::value* old = present.if_contains(key);
    if (old != nullptr && *old == value) continue;
    const auto shown = [](const json::value* one) {
      if (one == nullptr || one->is_null()) return std::string("none");
      return one->is_string() ? std::string(one->get_string()) : json::serialize(*one);
    };
    parts.push_back(fmt::format("{} {} → {}", std::string_view(key), shown(old), shown(&value)));
  }
  return join(parts, ", ");
}

class Planner {
 public:
  Planner(const Api& api, const std::string& file, bool prune)
      : api_(api), file_(file), prune_(prune) {}

  Result<std::vector<Step>> plan(const WantedOrganization& wanted) {
    if (auto right = check_organization(wanted); !right) return right.error();
    auto people = people_steps(api_, file_, wanted, prune_);
    if (!people) return people.error();
    steps_ = *std::move(people);
    if (auto read = read_notifications(); !read) return read.error();
    if (wanted.notifications) plan_notifications(*wanted.notifications, "", "");
    if (wanted.projects) {
      if (auto planned = plan_projects(*wanted.projects); !planned) return planned.error();
    }
    // What goes, goes last: nothing is missing meanwhile.
    std::stable_partition(steps_.begin(), steps_.end(),
                          [](const Step& step) { return step.kind != Kind::remove; });
    return std::move(steps_);
  }

 private:
  void add(Kind kind, std::uint32_t line, std::string text,
           std::function<Result<void>(const Api&)> work) {
    steps_.push_back({kind, line, std::move(text), std::move(work)});
  }

  Result<void> check_organization(const WantedOrganization& wanted) {
    if (wanted.name.empty()) return {};
    const auto caller = api_.get(api_path({"whoami"}));
    if (!caller) return caller.error();
    const std::string name = text_at(object_at(*caller, "organization"), "name");
    if (name == wanted.name) return {};
    return fault_at(file_, wanted.line,
                    fmt::format("The file is for the organization {}, and you are in {}.",
                                cupola::quoted(wanted.name), cupola::quoted(name)),
                    "Use a token of that organization.");
  }

  Result<void> read_notifications() {
    auto present = api_.list(api_path({"notifications"}), "notifications");
    if (!present) return present.error();
    notifications_ = array_at(*present, "notifications");
    return {};
  }

  static std::string of(const std::string& project, const std::string& deployment) {
    if (project.empty()) return "";
    return deployment.empty() ? " of " + project : fmt::format(" of {}/{}", project, deployment);
  }

  /// `project` and `deployment` are names as the server has them, empty where it is of all.
  void plan_notifications(const std::vector<WantedNotification>& wanted, const std::string& project,
                          const std::string& deployment) {
    const auto is_here = [&](const json::object& one) {
      return text_at(one, "project") == project && text_at(one, "deployment") == deployment;
    };
    for (const WantedNotification& one : wanted) {
      const json::object settings = {{"filters", one.filters},
                                     {"format", json_text(one.payload)},
                                     {"only_on_change", one.only_on_change},
                                     {"status", one.active ? "active" : "inactive"}};
      const json::object* old = nullptr;
      for (const auto& item : notifications_) {
        const auto& known = item.get_object();
        if (is_here(known) && text_at(known, "type") == one.type &&
            text_at(known, "recipient") == one.recipient) {
          old = &known;
        }
      }
      const std::string what =
          fmt::format("notification {}{}", one.recipient, of(project, deployment));
      if (old != nullptr) {
        const std::string differs = differences(*old, settings);
        if (differs.empty()) continue;
        add(Kind::change, one.line, what + ": " + differs,
            [settings, id = text_at(*old, "id")](const Api& api) {
              return done(api.patch(api_path({"notifications", id}), settings));
            });
        continue;
      }
      add(Kind::add, one.line, what, [one, project, deployment](const Api& api) {
        return create_notification(api, one, project, deployment);
      });
    }
    for (const auto& item : notifications_) {
      const auto& known = item.get_object();
      const bool is_named = std::any_of(wanted.begin(), wanted.end(), [&](const auto& one) {
        return text_at(known, "type") == one.type && text_at(known, "recipient") == one.recipient;
      });
      if (!prune_ || is_named || !is_here(known)) continue;
      add(Kind::remove, 0,
          fmt::format("notification {}{}", text_at(known, "recipient"), of(project, deployment)),
          [id = text_at(known, "id")](const Api& api) {
            return done(api.remove(api_path({"notifications", id})));
          });
    }
  }

  static Result<void> create_notification(const Api& api, const WantedNotification& wanted,
                                          const std::string& project,
                                          const std::string& deployment) {
    json::object body{{"type", json_text(wanted.type)},
                      {"recipient", json_text(wanted.recipient)},
                      {"filters", wanted.filters},
                      {"format", json_text(wanted.payload)},
                      {"only_on_change", wanted.only_on_change}};
    if (!project.empty()) body["project"] = json_text(project);
    if (!deployment.empty()) body["deployment"] = json_text(deployment);
    const auto made = api.post(api_path({"notifications"}), body);
    if (!made || wanted.active) return done(made);
    return done(
        api.patch(api_path({"notifications", text_at(*made, "id")}), {{"status", "inactive"}}));
  }

  Result<void> plan_projects(const std::vector<WantedProject>& wanted) {
    const auto present = api_.list(api_path({"projects"}), "projects");
    if (!present) return present.error();
    const json::array& projects = array_at(*present, "projects");
    std::vector<std::string> named;
    for (const WantedProject& one : wanted) {
      const json::object* old = item_with(projects, {"name", "slug"}, one.name);
      if (old != nullptr) named.push_back(text_at(*old, "id"));
      if (auto planned = plan_project(one, old); !planned) return planned;
    }
    for (const auto& item : projects) {
      const auto& known = item.get_object();
      const std::string id = text_at(known, "id");
      if (!prune_ || std::find(named.begin(), named.end(), id) != named.end()) continue;
      add(Kind::remove, 0, "project " + text_at(known, "name"), [id](const Api& api) {
        return done(api.remove(api_path({"projects", id})));
      });
    }
    return {};
  }

  Result<void> plan_project(const WantedProject& wanted, const json::object* old) {
    const json::object settings = {{"repository", json_text(wanted.repository)},
                                   {"directory", json_text(wanted.directory)}};
    const std::string name = old == nullptr ? wanted.name : text_at(*old, "name");
    if (old == nullptr) {
      json::object body = settings;
      body["name"] = json_text(wanted.name);
      add(Kind::add, wanted.line, fmt::format("project {}: {}", wanted.name, wanted.repository),
          [body](const Api& api) { return done(api.post(api_path({"projects"}), body)); });
    } else if (const std::string differs = differences(*old, settings); !differs.empty()) {
      add(Kind::change, wanted.line, fmt::format("project {}: {}", name, differs),
          [settings, name](const Api& api) {
            return done(api.patch(api_path({"projects", name}), settings));
          });
    }
    if (wanted.notifications) plan_notifications(*wanted.notifications, name, "");
    if (!wanted.deployments) return {};
    json::array deployments;
    if (old != nullptr) {
      const auto present = api_.list(api_path({"projects", name, "deployments"}), "deployments");
      if (!present) return present.error();
      deployments = array_at(*present, "deployments");
    }
    for (const WantedDeployment& one : *wanted.deployments) {
      const json::object* known = item_with(deployments, {"name", "slug"}, one.name);
      if (auto planned = plan_deployment(one, name, known); !planned) return planned;
    }
    for (const auto& item : deployments) {
      const DeploymentName key{name, text_at(item.get_object(), "name")};
      const bool is_named =
          std::any_of(wanted.deployments->begin(), wanted.deployments->end(), [&](const auto& one) {
            return one.name == key.deployment || one.name == text_at(item.get_object(), "slug");
          });
      if (!prune_ || is_named) continue;
      add(Kind::remove, 0, fmt::format("deployment {}/{}", name, key.deployment),
          [key](const Api& api) { return done(api.remove(deployment_path(key))); });
    }
    return {};
  }

  Result<void> plan_deployment(const WantedDeployment& wanted, const std::string& project,
                               const json::object* old) {
    const DeploymentName key{project, old == nullptr ? wanted.name : text_at(*old, "name")};
    const json::object settings = {{"environment", json_text(wanted.environment)},
                                   {"revision", json_text(wanted.revision)}};
    const std::string what = fmt::format("deployment {}/{}", project, key.deployment);
    if (old == nullptr) {
      json::object body = settings;
      body["name"] = json_text(wanted.name);
      add(Kind::add, wanted.line,
          fmt::format("{}: environment {} at {}", what, wanted.environment, wanted.revision),
          [key, body](const Api& api) -> Result<void> {
            const auto made = api.post(api_path({"projects", key.project, "deployments"}), body);
            if (!made) return made.error();
            return wait(api, key, number_at(object_at(*made, "last_release"), "number", 1));
          });
    } else if (const std::string differs = differences(*old, settings); !differs.empty()) {
      add(Kind::change, wanted.line, what + ": " + differs,
          [key, settings](const Api& api) -> Result<void> {
            const auto release = api.post(deployment_path(key, "/update"), settings);
            if (!release) return release.error();
            return wait(api, key, number_at(*release, "number"));
          });
    }
    if (wanted.notifications) plan_notifications(*wanted.notifications, project, key.deployment);
    if (!wanted.schedules) return {};
    return plan_schedules(*wanted.schedules, key, old != nullptr);
  }

  /// Schedules come with a release: what the file says of them waits until that is live.
  static Result<void> wait(const Api& api, const DeploymentName& key, std::int64_t number) {
    const auto status = follow_release(api, key, number);
    if (!status) return status.error();
    return {};
  }

  Result<void> plan_schedules(const std::vector<WantedSchedule>& wanted, const DeploymentName& key,
                              bool is_there) {
    json::array schedules;
    if (is_there) {
      const auto present = api_.list(deployment_path(key, "/schedules"), "schedules");
      if (!present) return present.error();
      schedules = array_at(*present, "schedules");
    }
    for (const WantedSchedule& one : wanted) {
      plan_schedule(one, key, item_with(schedules, {"name"}, one.name));
    }
    for (const auto& item : schedules) {
      const std::string name = text_at(item.get_object(), "name");
      const bool is_named = std::any_of(wanted.begin(), wanted.end(),
                                        [&](const auto& one) { return one.name == name; });
      if (!prune_ || is_named || !flag_at(item.get_object(), "enabled")) continue;
      add(Kind::remove, 0,
          fmt::format("schedule {} of {}/{}: off", name, key.project, key.deployment),
          [key, name](const Api& api) { return switch_to(api, key, name, false); });
    }
    return {};
  }

  /// `old` is nothing where its release is still to come.
  void plan_schedule(const WantedSchedule& wanted, const DeploymentName& key,
                     const json::object* old) {
    const std::string what =
        fmt::format("schedule {} of {}/{}", wanted.name, key.project, key.deployment);
    const json::object settings = settings_to_set(wanted, old);
    if (!settings.empty()) {
      add(Kind::change, wanted.line, fmt::format("{}: {}", what, json::serialize(settings)),
          [key, settings, name = wanted.name](const Api& api) {
            return done(api.patch(schedule_path(key, name), settings));
          });
    }
    const bool is_on = old != nullptr && flag_at(*old, "enabled");
    if (!wanted.enabled || *wanted.enabled == is_on) return;
    add(Kind::change, wanted.line, what + (*wanted.enabled ? ": on" : ": off"),
        [key, on = *wanted.enabled, name = wanted.name](const Api& api) {
          return switch_to(api, key, name, on);
        });
  }

  /// Those that the API is not known to have set so: {"settings": {name: {"value", "from"}}} of a
  /// schedule says what holds and where it is from.
  static json::object settings_to_set(const WantedSchedule& wanted, const json::object* old) {
    json::object missing;
    for (const auto& [name, value] : wanted.settings) {
      const json::object none;
      const json::object& known = old == nullptr ? none : object_at(*old, "settings");
      const json::object& one = object_at(known, name);
      const bool is_set =
          text_at(one, "from") == "api" && one.contains("value") && one.at("value") == value;
      if (!is_set) missing[name] = value;
    }
    return missing;
  }

  static std::string schedule_path(const DeploymentName& key, std::string_view name) {
    return api_path({"projects", key.project, "deployments", key.deployment, "schedules", name});
  }

  static Result<void> switch_to(const Api& api, const DeploymentName& key, const std::string& name,
                                bool on) {
    return done(api.post(schedule_path(key, name) + (on ? "/enable" : "/disable")));
  }

  const Api& api_;
  const std::string& file_;
  const bool prune_;
  json::array notifications_;  ///< as they are now, of all scopes
  std::vector<Step> steps_;
};

}  // namespace

const json::object* item_with(const json::array& list, std::initializer_list<std::string_view> keys,
                              std::string_view text) {
  for (const std::string_view key : keys) {
    for (const auto& item : list) {
      if (item.is_object() && text_at(item.get_object(), key) == text) return &item.get_object();
    }
  }
  return nullptr;
}

Result<void> done(const Result<json::object>& answer) {
  if (!answer) return answer.error();
  return {};
}

Result<std::vector<Step>> steps_to(const Api& api, const std::string& file,
                                   const WantedOrganization& wanted, bool prune) {
  return Planner(api, file, prune).plan(wanted);
}

}  // namespace cupola::cli
