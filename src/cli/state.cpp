#include "cli/state.h"

#include <fmt/format.h>

#include "base/text.h"
#include "cli/api.h"
#include "cli/command.h"
#include "cli/show.h"
#include "cli/terminal.h"

namespace cupola::cli {
namespace {

constexpr std::size_t most_state = 64u << 20;

struct StateOptions {
  StateName name;
  std::int64_t version = 0;
  std::string file;
  bool yes = false;
  std::size_t limit = 50;
  std::string format = "table";
};

std::string source_of(const json::object& state) {
  const std::string run = text_at(state, "run");
  return run.empty() ? text_at(state, "origin") : run;
}

Result<int> list_states(const Context& context, const StateOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  const auto answer = api->list(api_path({"projects", options.name.project, "states"}), "states");
  if (!answer) return answer.error();
  Table table({"state id", "version", "by", "updated (UTC)"});
  for (const auto& item : array_at(*answer, "states")) {
    const auto& state = item.get_object();
    table.add({text_at(state, "state_id"), fmt::format("{}", number_at(state, "version")),
               source_of(state), time_at(state, "updated_at")});
  }
  print_list(options.format, *answer, table, "There is no state. Runs leave it.");
  return 0;
}

Result<int> get_state(const Context& context, const StateOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  const auto state =
      api->get(options.version == 0
                   ? state_path(options.name)
                   : state_path(options.name, fmt::format("/versions/{}", options.version)));
  if (!state) return state.error();
  const json::value* payload = state->if_contains("payload");
  print(pretty(options.format == "json" || payload == nullptr ? json::value(*state) : *payload));
  return 0;
}

Result<int> set_state(const Context& context, const StateOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  const auto text = read_file_or_input(options.file, most_state);
  if (!text) return text.error();
  const auto parsed = parse_json(*text);
  if (!parsed || !parsed->is_object()) {
    return Error{Error::Kind::malformed,
                 parsed ? "The state is no JSON object"
                        : fmt::format("The state is no JSON: {}", parsed.error().message),
                 "Give what `cupola state get` prints, or the bookmarks alone."};
  }
  const auto state = api->put(state_path(options.name), *text);
  if (!state) return state.error();
  print(fmt::format("{} is at version {}.\n", printable(options.name.state_id),
                    number_at(*state, "version")));
  return 0;
}

Result<int> show_history(const Context& context, const StateOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  const auto answer =
      api->list(state_path(options.name, "/versions"), "versions", {}, options.limit);
  if (!answer) return answer.error();
  Table table({"version", "origin", "run", "final", "updated (UTC)"});
  for (const auto& item : array_at(*answer, "versions")) {
    const auto& version = item.get_object();
    table.add({fmt::format("{}", number_at(version, "version")), text_at(version, "origin"),
               text_at(version, "run", "-"), flag_at(version, "final") ? "yes" : "while it runs",
               time_at(version, "updated_at")});
  }
  print_list(options.format, *answer, table, "There is no state under that id.");
  return 0;
}

Result<int> restore_state(const Context& context, const StateOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  const auto state =
      api->post(state_path(options.name, "/restore"), {{"version", options.version}});
  if (!state) return state.error();
  print(fmt::format("{} is at version {}, the same as version {}.\n",
                    printable(options.name.state_id), number_at(*state, "version"),
                    options.version));
  return 0;
}

Result<int> delete_state(const Context& context, const StateOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  if (!options.yes && !is_confirmed(fmt::format("Delete state {} with all its versions?",
                                                cupola::quoted(options.name.state_id)))) {
    return 1;
  }
  const auto done = api->remove(state_path(options.name));
  if (!done) return done.error();
  print(fmt::format("Deleted state {}.\n", printable(options.name.state_id)));
  return 0;
}

}  // namespace

std::string state_path(const StateName& name, std::string_view below) {
  return api_path({"projects", name.project, "states", name.state_id}) + std::string(below);
}

CLI::App* add_state_command(CLI::App* state, const char* command, const char* text,
                            StateName& name) {
  auto* added = state->add_subcommand(command, text);
  added->add_option("state-id", name.state_id, "The state id, such as prod:tap-a-to-target-b")
      ->required()
      ->type_name("STATE_ID");
  add_project(added, name.project);
  return added;
}

void add_state_commands(CLI::App& root, Context& context) {
  auto* state = root.add_subcommand("state", "Singer state: how far each pipeline has read");
  state->require_subcommand(1);

  auto* list = state->add_subcommand("list", "The state ids of a project");
  auto list_options = std::make_shared<StateOptions>();
  add_project(list, list_options->name.project);
  add_format(list, list_options->format);
  set_work(list, context, list_options, list_states);

  auto get_options = std::make_shared<StateOptions>();
  auto* get = add_state_command(state, "get", "The state itself, as JSON", get_options->name);
  get->add_option("--version", get_options->version, "An earlier version")->type_name("N");
  get->add_option("--format", get_options->format,
                  "table: the state alone; json: with version, run and times")
      ->check(CLI::IsMember({"table", "json"}))
      ->type_name("FORMAT")
      ->capture_default_str();
  set_work(get, context, get_options, get_state);

  auto set_options = std::make_shared<StateOptions>();
  auto* set = add_state_command(
      state, "set", "Replace the state by JSON from standard input or a file", set_options->name);
  set->add_option("file", set_options->file, "The file; standard input unless given")
      ->type_name("FILE");
  set_work(set, context, set_options, set_state);

  auto history_options = std::make_shared<StateOptions>();
  auto* history =
      add_state_command(state, "history", "Its versions, newest first", history_options->name);
  history->add_option("--limit", history_options->limit, "How many at most")
      ->check(CLI::Range(1, 10000))
      ->type_name("N")
      ->capture_default_str();
  add_format(history, history_options->format);
  set_work(history, context, history_options, show_history);

  auto restore_options = std::make_shared<StateOptions>();
  auto* restore = add_state_command(state, "restore", "Make an earlier version the newest one",
                                    restore_options->name);
  restore->add_option("version,--version", restore_options->version, "Which, from `state history`")
      ->required()
      ->type_name("N");
  set_work(restore, context, restore_options, restore_state);

  auto delete_options = std::make_shared<StateOptions>();
  auto* remove = add_state_command(
      state, "delete", "Delete a state: the next run reads all data again", delete_options->name);
  add_yes(remove, delete_options->yes);
  set_work(remove, context, delete_options, delete_state);

  add_state_edit_commands(state, context);
  add_state_import_command(state, context);
}

}  // namespace cupola::cli
