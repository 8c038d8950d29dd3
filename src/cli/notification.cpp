#include "cli/notification.h"

#include <fmt/format.h>

#include "base/text.h"
#include "cli/api.h"
#include "cli/command.h"
#include "cli/heartbeat.h"
#include "cli/show.h"
#include "cli/terminal.h"

namespace cupola::cli {
namespace {

struct SetOptions {
  std::string type;
  std::string recipient;
  std::string project;
  std::string deployment;
  std::vector<std::string> events;
  std::vector<std::string> statuses;
  std::vector<std::string> schedules;
  std::vector<std::string> filters;
  bool only_on_change = false;
  std::string payload = "page";
  std::string format = "table";
};
struct ListOptions {
  std::string project;
  std::string deployment;
  std::string format = "table";
};
struct ChangeOptions {
  std::string word;
  std::string status;
  std::string recipient;
  bool new_secret = false;
  std::string format = "table";
};
struct DeleteOptions {
  std::string word;
};

std::string scope_of(const json::object& notification) {
  const std::string project = text_at(notification, "project");
  const std::string deployment = text_at(notification, "deployment");
  if (project.empty()) return "all";
  return deployment.empty() ? project : project + "/" + deployment;
}

std::string words_of(const json::object& filter, std::string_view key) {
  std::vector<std::string> words;
  for (const auto& word : array_at(filter, key)) {
    if (word.is_string()) words.emplace_back(word.get_string());
  }
  return join(words, ",");
}

/// "failed,cancelled; deploy".
std::string filters_of(const json::object& notification) {
  std::vector<std::string> texts;
  for (const auto& item : array_at(notification, "filters")) {
    std::vector<std::string> parts;
    for (const char* key : {"events", "status", "schedules"}) {
      const std::string words = words_of(item.get_object(), key);
      if (!words.empty()) parts.push_back(words);
    }
    texts.push_back(parts.empty() ? "any" : join(parts, " "));
  }
  return texts.empty() ? "succeeded,failed,cancelled" : join(texts, "; ");
}

Table table_of(const json::array& notifications) {
  Table table({"notification", "type", "recipient", "of", "tells", "status"});
  for (const auto& item : notifications) {
    const auto& notification = item.get_object();
    std::string tells = filters_of(notification);
    if (flag_at(notification, "only_on_change")) tells += " (on change)";
    table.add({text_at(notification, "id"), text_at(notification, "type"),
               text_at(notification, "recipient"), scope_of(notification), std::move(tells),
               status_cell(text_at(notification, "status"))});
  }
  return table;
}

json::array texts_of(const std::vector<std::string>& words) {
  json::array list;
  for (const std::string& word : words) list.emplace_back(json_text(word));
  return list;
}

/// One filter of the words, and those given as JSON.
Result<json::array> filters_from(const SetOptions& options) {
  json::array filters;
  json::object words;
  if (!options.events.empty()) words["events"] = texts_of(options.events);
  if (!options.statuses.empty()) words["status"] = texts_of(options.statuses);
  if (!options.schedules.empty()) words["schedules"] = texts_of(options.schedules);
  if (!words.empty()) filters.emplace_back(std::move(words));
  for (const std::string& text : options.filters) {
    auto filter = parse_json(text);
    if (!filter || !filter->is_object()) {
      return Error{Error::Kind::invalid, cupola::quoted(text) + " is no filter",
                   R"(Write it as '{"events": ["job_run"], "status": ["failed"]}'.)"};
    }
    filters.push_back(*std::move(filter));
  }
  return filters;
}

void print_one(std::string_view format, const json::object& notification) {
  if (format == "json") {
    print(pretty(notification));
    return;
  }
  print_list(format, notification, table_of({notification}), "");
  if (const std::string secret = text_at(notification, "secret"); !secret.empty()) {
    say("Its secret, with which receivers verify signatures, is shown this once:");
    print(secret + "\n");
  }
}

Result<int> set_notification(const Context& context, const SetOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  const auto filters = filters_from(options);
  if (!filters) return filters.error();
  json::object body{{"type", options.type},
                    {"recipient", json_text(options.recipient)},
                    {"filters", *filters},
                    {"only_on_change", options.only_on_change},
                    {"format", options.payload}};
  if (!options.project.empty()) body["project"] = json_text(options.project);
  if (!options.deployment.empty()) body["deployment"] = json_text(options.deployment);
  if (options.payload == "pagerduty") {
    const auto key = read_secret("Integration key of the service");
    if (!key) return key.error();
    body["routing_key"] = json_text(key->reveal());
  }
  const auto answer = api->post(api_path({"notifications"}), body);
  if (!answer) return answer.error();
  print_one(options.format, *answer);
  return 0;
}

Result<int> set_webhook(const Context& context, const SetOptions& given) {
  SetOptions options = given;
  options.type = "webhook";
  return set_notification(context, options);
}
Result<int> set_email(const Context& context, const SetOptions& given) {
  SetOptions options = given;
  options.type = "email";
  return set_notification(context, options);
}

Result<int> list_notifications(const Context& context, const ListOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  const auto answer = api->list(api_path({"notifications"}), "notifications",
                                {{"project", options.project}, {"deployment", options.deployment}});
  if (!answer) return answer.error();
  print_list(options.format, *answer, table_of(array_at(*answer, "notifications")),
             "There are no notifications. Set one: cupola notification set webhook URL");
  return 0;
}

Result<int> change_notification(const Context& context, const ChangeOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  const auto found = find_notification(*api, options.word);
  if (!found) return found.error();
  json::object body;
  if (!options.status.empty()) body["status"] = options.status;
  if (!options.recipient.empty()) body["recipient"] = json_text(options.recipient);
  if (options.new_secret) body["new_secret"] = true;
  const auto answer = api->patch(api_path({"notifications", text_at(*found, "id")}), body);
  if (!answer) return answer.error();
  print_one(options.format, *answer);
  return 0;
}

Result<int> delete_notification(const Context& context, const DeleteOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  const auto found = find_notification(*api, options.word);
  if (!found) return found.error();
  const auto done = api->remove(api_path({"notifications", text_at(*found, "id")}));
  if (!done) return done.error();
  print(fmt::format("{} is told nothing any more.\n", printable(text_at(*found, "recipient"))));
  return 0;
}

void add_set_command(CLI::App* set, Context& context, const char* type, const char* what,
                     Result<int> (*work)(const Context&, const SetOptions&)) {
  auto* command = set->add_subcommand(
      type, fmt::format("Tell {} what happens; one that is there is changed", what));
  auto options = std::make_shared<SetOptions>();
  const bool is_webhook = std::string_view(type) == "webhook";
  command->add_option("recipient", options->recipient, is_webhook ? "The URL" : "The address")
      ->required()
      ->type_name(is_webhook ? "URL" : "ADDRESS");
  add_project(command, options->project, false);
  add_deployment(command, options->deployment, false);
  command
      ->add_option("--status", options->statuses,
                   "Tell these: succeeded, failed, cancelled, recovered, late")
      ->delimiter(',')
      ->type_name("STATUS");
  command->add_option("--event", options->events, "Of these: job_run, deploy, credits_low")
      ->delimiter(',')
      ->type_name("EVENT");
  command->add_option("--schedule", options->schedules, "Of these schedules alone")
      ->type_name("NAME");
  command
      ->add_option("--filter", options->filters,
                   "One more filter, as JSON: any that matches is enough")
      ->type_name("JSON");
  command->add_flag("--only-on-change", options->only_on_change,
                    "Not again while runs end as the one before did");
  if (is_webhook) {
    command
        ->add_option("--payload", options->payload,
                     "Form of the body: page, slack, teams, or pagerduty (whose key is read "
                     "from standard input)")
        ->check(CLI::IsMember({"page", "slack", "teams", "pagerduty"}))
        ->type_name("FORM")
        ->capture_default_str();
  }
  add_format(command, options->format);
  set_work(command, context, options, work);
}

}  // namespace

Result<json::object> find_notification(const Api& api, const std::string& word) {
  const auto answer = api.list(api_path({"notifications"}), "notifications");
  if (!answer) return answer.error();
  const json::object* found = nullptr;
  for (const auto& item : array_at(*answer, "notifications")) {
    const json::object& one = item.get_object();
    const std::string id = text_at(one, "id");
    const bool is_meant = text_at(one, "recipient") == word ||
                          (word.size() >= 4 && std::string_view(id).starts_with(word));
    if (!is_meant) continue;
    if (found != nullptr) {
      return Error{Error::Kind::invalid, cupola::quoted(word) + " names several notifications",
                   "Give the id, as `cupola notification list` shows it."};
    }
    found = &one;
  }
  if (found != nullptr) return *found;
  return Error{Error::Kind::not_found, "There is no notification " + cupola::quoted(word),
               "`cupola notification list` shows those there are."};
}

void add_notification_commands(CLI::App& root, Context& context) {
  auto* notification =
      root.add_subcommand("notification", "Notifications: who is told what happens");
  notification->require_subcommand(1);

  auto* set = notification->add_subcommand("set", "Tell somebody what happens");
  set->require_subcommand(1);
  add_set_command(set, context, "webhook", "a URL", set_webhook);
  add_set_command(set, context, "email", "a person", set_email);

  add_heartbeat_commands(*notification, context);

  auto* list = notification->add_subcommand("list", "Who is told what");
  auto list_options = std::make_shared<ListOptions>();
  add_project(list, list_options->project, false);
  add_deployment(list, list_options->deployment, false);
  add_format(list, list_options->format);
  set_work(list, context, list_options, list_notifications);

  const auto add_word = [](CLI::App* command, std::string& word) {
    command->add_option("notification", word, "Its id, or its recipient")
        ->required()
        ->type_name("NOTIFICATION");
  };
  auto* change = notification->add_subcommand("change", "Switch a notification off or on, or more");
  auto change_options = std::make_shared<ChangeOptions>();
  add_word(change, change_options->word);
  change->add_option("--status", change_options->status, "active or inactive")
      ->check(CLI::IsMember({"active", "inactive"}))
      ->type_name("STATUS");
  change->add_option("--recipient", change_options->recipient, "Another URL or address")
      ->type_name("RECIPIENT");
  change->add_flag("--new-secret", change_options->new_secret,
                   "Sign with a new secret from now on, and show it");
  add_format(change, change_options->format);
  set_work(change, context, change_options, change_notification);

  auto* remove = notification->add_subcommand("delete", "Delete a notification, with its log");
  auto delete_options = std::make_shared<DeleteOptions>();
  add_word(remove, delete_options->word);
  set_work(remove, context, delete_options, delete_notification);

  add_delivery_commands(notification, context);
}

}  // namespace cupola::cli
