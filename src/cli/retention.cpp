#include <array>

#include <fmt/format.h>

#include "base/text.h"
#include "cli/api.h"
#include "cli/command.h"
#include "cli/show.h"
#include "cli/terminal.h"

namespace cupola::cli {
namespace {

constexpr std::array<std::string_view, 5> names = {"logs", "runs", "state_versions", "deliveries",
                                                   "audit"};

struct RetentionOptions {
  std::array<std::string, names.size()> values;
  std::string format = "table";
};

/// A value of either kind as a text; "-" for null.
std::string value_at(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || value->is_null()) return "-";
  return value->is_string() ? std::string(value->get_string()) : json::serialize(*value);
}

void show(const std::string& format, const json::object& answer) {
  Table table({"what", "kept", "of the organization", "of the server"});
  for (const std::string_view name : names) {
    table.add({name, value_at(object_at(answer, "kept"), name),
               value_at(object_at(answer, "own"), name),
               value_at(object_at(answer, "defaults"), name)});
  }
  print_list(format, answer, table, "");
}

Result<int> show_retention(const Context& context, const RetentionOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  const auto answer = api->get(api_path({"retention"}));
  if (!answer) return answer.error();
  show(options.format, *answer);
  return 0;
}

Result<int> set_retention(const Context& context, const RetentionOptions& options) {
  json::object body;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string& text = options.values[i];
    if (text.empty()) continue;
    const auto number = parse_json(text);
    if (text == "default") {
      body[names[i]] = nullptr;
    } else if (names[i] == "state_versions" && number && number->is_number()) {
      body[names[i]] = *number;
    } else {
      body[names[i]] = json_text(text);
    }
  }
  if (body.empty()) {
    return Error{Error::Kind::invalid, "Nothing is to be changed",
                 "Give some of --logs, --runs, --state-versions, --deliveries and --audit."};
  }
  const auto api = Api::open(context);
  if (!api) return api.error();
  const auto answer = api->patch(api_path({"retention"}), body);
  if (!answer) return answer.error();
  show(options.format, *answer);
  say("What is older goes with the next clean-up, within the hour: cupola retention preview");
  return 0;
}

Result<int> preview_retention(const Context& context, const RetentionOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  Query query;
  for (std::size_t i = 0; i < names.size(); ++i) {
    query.emplace_back(names[i], options.values[i]);
  }
  const auto answer = api->get(api_path({"retention", "preview"}), query);
  if (!answer) return answer.error();
  Table table({"what", "would go", "because older than", "such as"});
  for (const auto& item : array_at(*answer, "would_go")) {
    const json::object& gone = item.get_object();
    const std::string what = text_at(gone, "what");
    const json::object& spans = object_at(*answer, "kept");
    // What goes with runs has no span of its own.
    const std::string kept = value_at(spans, spans.contains(what) ? what : "runs");
    std::vector<std::string> examples;
    for (const auto& example : array_at(gone, "examples")) {
      examples.push_back(fmt::format("{} ({})", text_at(example.get_object(), "name"),
                                     time_at(example.get_object(), "at")));
    }
    table.add({what, fmt::format("{}", number_at(gone, "count")),
               what == "state_versions" ? fmt::format("the newest {} of each", kept) : kept,
               examples.empty() ? "-" : join(examples, ", ")});
  }
  print_list(options.format, *answer, table, "");
  return 0;
}

void add_values(CLI::App* command, RetentionOptions& options, const std::string& also) {
  constexpr std::array<const char*, names.size()> texts = {
      "Logs of runs, after their end", "Runs, after their end", "Versions of each state",
      "The log of notifications", "The audit log; or forever"};
  for (std::size_t i = 0; i < names.size(); ++i) {
    std::string flag = "--" + std::string(names[i]);
    std::replace(flag.begin(), flag.end(), '_', '-');
    command->add_option(flag, options.values[i], texts[i] + also)
        ->type_name(names[i] == "state_versions" ? "N" : "SPAN");
  }
}

}  // namespace

void add_retention_commands(CLI::App& root, Context& context) {
  auto* retention = root.add_subcommand("retention", "How long what is kept");
  retention->require_subcommand(1);

  auto show_options = std::make_shared<RetentionOptions>();
  auto* show_command = retention->add_subcommand("show", "What is kept for how long");
  add_format(show_command, show_options->format);
  set_work(show_command, context, show_options, show_retention);

  auto set_options = std::make_shared<RetentionOptions>();
  auto* set = retention->add_subcommand("set", "Choose it for this organization");
  add_values(set, *set_options, "; default: as the server has it");
  add_format(set, set_options->format);
  set_work(set, context, set_options, set_retention);

  auto preview_options = std::make_shared<RetentionOptions>();
  auto* preview = retention->add_subcommand(
      "preview", "What the next clean-up would take away, and why; changes nothing");
  add_values(preview, *preview_options, ", as if that were chosen");
  add_format(preview, preview_options->format);
  set_work(preview, context, preview_options, preview_retention);
}

}  // namespace cupola::cli
