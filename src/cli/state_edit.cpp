#include <fmt/format.h>

#include "base/text.h"
#include "cli/api.h"
#include "cli/command.h"
#include "cli/show.h"
#include "cli/state.h"
#include "cli/terminal.h"

namespace cupola::cli {
namespace {

constexpr std::size_t longest_shown = 200;

struct EditOptions {
  StateName name;
  std::int64_t from = 0;
  std::int64_t to = 0;
  std::vector<std::string> streams;
  std::string format = "table";
};

std::string number_or_nothing(std::int64_t number) {
  return number == 0 ? "" : fmt::format("{}", number);
}

std::string value_at(const json::object& change, std::string_view side) {
  const json::value* value = change.if_contains(side);
  std::string text = value == nullptr ? "" : json::serialize(*value);
  if (text.size() > longest_shown) text = text.substr(0, longest_shown) + "…";
  return text;
}

Result<int> show_diff(const Context& context, const EditOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  const auto diff =
      api->get(state_path(options.name, "/diff"),
               {{"from", number_or_nothing(options.from)}, {"to", number_or_nothing(options.to)}});
  if (!diff) return diff.error();
  if (options.format == "json") {
    print(pretty(*diff));
    return 0;
  }
  Table table({"path", "from", "to"});
  for (const auto& item : array_at(*diff, "changes")) {
    const json::object& change = item.get_object();
    const std::string kind = text_at(change, "change");
    table.add({text_at(change, "path"), kind == "added" ? "-" : value_at(change, "from"),
               kind == "removed" ? "-" : value_at(change, "to")});
  }
  const std::int64_t from = number_at(*diff, "from");
  say(fmt::format("{}: {} to version {}", printable(options.name.state_id),
                  from == 0 ? "from nothing" : fmt::format("from version {}", from),
                  number_at(*diff, "to")));
  print_list(options.format, *diff, table, "They are the same.");
  return 0;
}

Result<int> forget(const Context& context, const EditOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  json::array streams;
  for (const std::string& stream : options.streams) streams.emplace_back(json_text(stream));
  const auto state =
      api->post(state_path(options.name, "/forget"), {{"streams", std::move(streams)}});
  if (!state) return state.error();
  print(fmt::format("{} is at version {}: the next run reads {} anew.\n",
                    printable(options.name.state_id), number_at(*state, "version"),
                    printable(join(options.streams, ", "))));
  return 0;
}

}  // namespace

void add_state_edit_commands(CLI::App* state, Context& context) {
  auto diff_options = std::make_shared<EditOptions>();
  auto* diff =
      add_state_command(state, "diff", "What differs between two versions", diff_options->name);
  diff->add_option("--from", diff_options->from, "The earlier one (default: the one before)")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 53))
      ->type_name("N");
  diff->add_option("--to", diff_options->to, "The later one (default: the newest)")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 53))
      ->type_name("N");
  add_format(diff, diff_options->format);
  set_work(diff, context, diff_options, show_diff);

  auto forget_options = std::make_shared<EditOptions>();
  auto* forget_command = add_state_command(
      state, "forget", "Forget streams, so that the next run reads them anew; keep the others",
      forget_options->name);
  forget_command->add_option("stream", forget_options->streams, "Their names")
      ->required()
      ->type_name("STREAM");
  set_work(forget_command, context, forget_options, forget);
}

}  // namespace cupola::cli
