#include "cli/apply_file.h"

#include <algorithm>
#include <functional>
#include <initializer_list>
#include <set>

#include <fmt/format.h>

#include "base/text.h"
#include "meltano/yaml.h"

namespace cupola::cli {
namespace {

namespace yaml = meltano::yaml;

const std::initializer_list<std::string_view> roles = {"viewer", "operator", "maintainer", "owner"};

/// Reads nodes and notes the first fault; after it all that is read is empty.
class Reader {
 public:
  explicit Reader(std::string_view file) : file_(file) {}

  const std::optional<Error>& fault() const { return fault_; }

  void fail(const yaml::Node& at, const std::string& message, std::string hint = "") {
    if (!fault_) fault_ = fault_at(file_, at.mark.line, message, std::move(hint));
  }

  /// A mapping whose keys are among `known`; else a fault. `what` is "a deployment".
  bool is_mapping_of(const yaml::Node& node, std::string_view what,
                     std::initializer_list<std::string_view> known) {
    if (!is_mapping(node, what)) return false;
    for (const yaml::Entry& entry : node.entries) {
      if (std::find(known.begin(), known.end(), entry.key.text) != known.end()) continue;
      fail(entry.key, fmt::format("{} knows no {}.", what, cupola::quoted(entry.key.text)),
           fmt::format("Known are: {}.", fmt::join(known, ", ")));
      return false;
    }
    return true;
  }

  bool is_mapping(const yaml::Node& node, std::string_view what) {
    if (!node.is_mapping()) {
      fail(node, fmt::format("{} must be a mapping, and is {}.", what, yaml::in_words(node)));
      return false;
    }
    return true;
  }

  /// A text that is not empty, at `key`; the fallback where there is none and that is not empty.
  std::string text(const yaml::Node& of, std::string_view key, std::string_view what,
                   std::string_view fallback = "") {
    const yaml::Node* node = of.find(key);
    if (node == nullptr) {
      if (fallback.empty()) fail(of, fmt::format("{} needs `{}:`.", what, key));
      return std::string(fallback);
    }
    return text_of(*node, key);
  }

  std::string text_of(const yaml::Node& node, std::string_view what) {
    if (node.is_mapping() || node.is_sequence() || node.text.empty()) {
      fail(node, fmt::format("`{}` must be a text, and is {}.", what, yaml::in_words(node)));
      return "";
    }
    return node.text;
  }

  std::string word(const yaml::Node& node, std::string_view what,
                   std::initializer_list<std::string_view> known) {
    std::string given = text_of(node, what);
    if (!fault_ && std::find(known.begin(), known.end(), given) == known.end()) {
      fail(node, fmt::format("`{}` is {}.", what, cupola::quoted(given)),
           fmt::format("It must be one of: {}.", fmt::join(known, ", ")));
    }
    return given;
  }

  bool flag_of(const yaml::Node& node, std::string_view what) {
    if (node.kind == yaml::Kind::boolean) return node.flag;
    if (node.text == "on" || node.text == "off") return node.text == "on";
    fail(node, fmt::format("`{}` must be true or false, and is {}.", what, yaml::in_words(node)));
    return false;
  }

  bool flag(const yaml::Node& of, std::string_view key, bool fallback) {
    const yaml::Node* node = of.find(key);
    return node == nullptr ? fallback : flag_of(*node, key);
  }

  /// Each entry of the mapping at `key`; nothing where the key is not there.
  template <typename T>
  std::optional<std::vector<T>> named(
      const yaml::Node& of, std::string_view key,
      const std::function<T(const std::string& name, const yaml::Node&)>& read) {
    const yaml::Node* node = of.find(key);
    if (node == nullptr) return std::nullopt;
    std::vector<T> all;
    if (node->is_null()) return all;
    if (!is_mapping(*node, fmt::format("`{}:`", key))) return all;
    for (const yaml::Entry& entry : node->entries) {
      const std::string name = text_of(entry.key, key);
      if (fault_) break;
      all.push_back(read(name, entry.value));
      all.back().line = entry.key.mark.line;
    }
    return all;
  }

  template <typename T>
  std::optional<std::vector<T>> listed(const yaml::Node& of, std::string_view key,
                                       const std::function<T(const yaml::Node&)>& read) {
    const yaml::Node* node = of.find(key);
    if (node == nullptr) return std::nullopt;
    std::vector<T> all;
    if (node->is_null()) return all;
    if (!node->is_sequence()) {
      fail(*node, fmt::format("`{}:` must be a list, and is {}.", key, yaml::in_words(*node)));
      return all;
    }
    for (const yaml::Node& item : node->items) {
      if (fault_) break;
      all.push_back(read(item));
      all.back().line = item.mark.line;
    }
    return all;
  }

 private:
  std::string_view file_;
  std::optional<Error> fault_;
};

json::array words_of(Reader& reader, const yaml::Node& node, std::string_view what) {
  json::array words;
  if (!node.is_sequence()) {
    words.emplace_back(json_text(reader.text_of(node, what)));
    return words;
  }
  for (const yaml::Node& item : node.items) {
    words.emplace_back(json_text(reader.text_of(item, what)));
  }
  return words;
}

WantedNotification notification_of(Reader& reader, const yaml::Node& node) {
  WantedNotification wanted;
  if (!reader.is_mapping_of(node, "A notification",
                            {"webhook", "email", "events", "status", "schedules", "filters",
                             "payload", "only_on_change", "active"})) {
    return wanted;
  }
  if ((node.find("webhook") == nullptr) == (node.find("email") == nullptr)) {
    reader.fail(node, "A notification needs either `webhook:` or `email:`.");
    return wanted;
  }
  wanted.type = node.find("webhook") != nullptr ? "webhook" : "email";
  wanted.recipient = reader.text(node, wanted.type, "A notification");
  json::object filter;
  for (const char* key : {"events", "status", "schedules"}) {
    if (const auto* words = node.find(key)) filter[key] = words_of(reader, *words, key);
  }
  if (!filter.empty()) wanted.filters.emplace_back(std::move(filter));
  if (const auto* filters = node.find("filters")) {
    if (!filters->is_sequence()) reader.fail(*filters, "`filters:` must be a list of mappings.");
    for (const yaml::Node& item : filters->items) wanted.filters.push_back(yaml::to_json(item));
  }
  if (const auto* payload = node.find("payload")) {
    wanted.payload = reader.word(*payload, "payload", {"page", "slack", "teams"});
  }
  wanted.only_on_change = reader.flag(node, "only_on_change", false);
  wanted.active = reader.flag(node, "active", true);
  return wanted;
}

std::optional<std::vector<WantedNotification>> notifications_of(Reader& reader,
                                                                const yaml::Node& node) {
  auto all = reader.listed<WantedNotification>(
      node, "notifications", [&](const yaml::Node& item) { return notification_of(reader, item); });
  std::set<std::pair<std::string, std::string>> seen;
  for (std::size_t i = 0; all && i < all->size(); ++i) {
    if (!seen.insert({(*all)[i].type, (*all)[i].recipient}).second) {
      reader.fail(node.find("notifications")->items[i],
                  fmt::format("{} is there twice.", cupola::quoted((*all)[i].recipient)),
                  "Give one notification several filters instead.");
    }
  }
  return all;
}

WantedSchedule schedule_of(Reader& reader, const std::string& name, const yaml::Node& node) {
  WantedSchedule wanted{.name = name};
  if (!node.is_mapping()) {
    wanted.enabled = reader.flag_of(node, name);
    return wanted;
  }
  for (const yaml::Entry& entry : node.entries) {
    if (entry.key.text == "enabled")
      wanted.enabled = reader.flag_of(entry.value, "enabled");
    else
      wanted.settings[json_text(entry.key.text)] = yaml::to_json(entry.value);
  }
  return wanted;
}

WantedDeployment deployment_of(Reader& reader, const std::string& name, const yaml::Node& node) {
  WantedDeployment wanted{.name = name};
  if (!reader.is_mapping_of(node, "A deployment",
                            {"environment", "branch", "revision", "schedules", "notifications"})) {
    return wanted;
  }
  wanted.environment = reader.text(node, "environment", "A deployment", name);
  if (node.find("branch") != nullptr && node.find("revision") != nullptr) {
    reader.fail(node, "`branch:` and `revision:` mean the same: give one of them.");
  }
  wanted.revision =
      reader.text(node, node.find("revision") != nullptr ? "revision" : "branch", "A deployment");
  wanted.schedules = reader.named<WantedSchedule>(
      node, "schedules", [&](const std::string& schedule, const yaml::Node& value) {
        return schedule_of(reader, schedule, value);
      });
  wanted.notifications = notifications_of(reader, node);
  return wanted;
}

WantedProject project_of(Reader& reader, const std::string& name, const yaml::Node& node) {
  WantedProject wanted{.name = name};
  if (!reader.is_mapping_of(node, "A project",
                            {"repository", "directory", "deployments", "notifications"})) {
    return wanted;
  }
  wanted.repository = reader.text(node, "repository", "A project");
  wanted.directory = reader.text(node, "directory", "A project", ".");
  wanted.deployments = reader.named<WantedDeployment>(
      node, "deployments", [&](const std::string& deployment, const yaml::Node& value) {
        return deployment_of(reader, deployment, value);
      });
  wanted.notifications = notifications_of(reader, node);
  return wanted;
}

}  // namespace

Error fault_at(std::string_view file, std::uint32_t line, std::string_view message,
               std::string hint) {
  return {Error::Kind::invalid, fmt::format("{}:{}: {}", file, line, message), std::move(hint)};
}

Result<WantedOrganization> read_apply_file(std::string_view file, std::string_view text) {
  const yaml::Document document = yaml::parse(text, 0);
  if (!document.problems.empty()) {
    const yaml::Problem& problem = document.problems.front();
    return fault_at(file, problem.mark.line, problem.message, problem.hint);
  }
  if (!document.root) return fault_at(file, 1, "The file is empty.", "docs/apply.md has the form.");
  const yaml::Node& root = *document.root;
  Reader reader(file);
  WantedOrganization wanted;
  if (reader.is_mapping_of(
          root, "The file",
          {"organization", "members", "service_accounts", "projects", "notifications"})) {
    if (const auto* name = root.find("organization")) {
      wanted.name = reader.text_of(*name, "organization");
      wanted.line = name->mark.line;
    }
    wanted.members = reader.named<WantedMember>(
        root, "members", [&](const std::string& login, const yaml::Node& role) {
          return WantedMember{.login = login, .role = reader.word(role, login, roles)};
        });
    wanted.service_accounts = reader.named<WantedServiceAccount>(
        root, "service_accounts", [&](const std::string& name, const yaml::Node& role) {
          return WantedServiceAccount{.name = name, .role = reader.word(role, name, roles)};
        });
    wanted.projects = reader.named<WantedProject>(
        root, "projects", [&](const std::string& name, const yaml::Node& value) {
          return project_of(reader, name, value);
        });
    wanted.notifications = notifications_of(reader, root);
  }
  if (reader.fault()) return *reader.fault();
  return wanted;
}

}  // namespace cupola::cli
