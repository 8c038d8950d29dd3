#include "cli/credits.h"

#include <fmt/format.h>

#include "base/plain_json.h"
#include "base/text.h"
#include "cli/api.h"
#include "cli/command.h"
#include "cli/show.h"
#include "cli/terminal.h"

namespace cupola::cli {
namespace {

struct ShowOptions {
  std::string format = "table";
};
struct SetOptions {
  std::string warn_at;
  std::string stop_at_zero;
  std::string format = "table";
};
struct EntryOptions {
  std::string credits;
  std::string note;
  std::string format = "table";
};
struct ListOptions {
  std::size_t limit = 100;
  std::string format = "table";
};

void show(const std::string& format, const json::object& credits) {
  Table table({"balance", "bought", "used", "this month", "last month", "warning at", "at zero"});
  const std::string_view at_zero =
      flag_at(credits, "stop_at_zero") ? "nothing starts" : "runs go on";
  table.add({{credits_at(credits, "balance"), flag_at(credits, "low") ? Colour::red : Colour::none},
             credits_at(credits, "bought"),
             credits_at(credits, "used"),
             credits_at(credits, "used_this_month"),
             credits_at(credits, "used_last_month"),
             credits_at(credits, "low_threshold"),
             at_zero});
  print_list(format, credits, table, "");
  if (format == "table" && flag_at(credits, "stopped")) {
    say("Nothing starts: there are no credits left. Enter a purchase (cupola credits add).");
  }
}

Result<int> show_credits(const Context& context, const ShowOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  const auto answer = api->get(api_path({"credits"}));
  if (!answer) return answer.error();
  show(options.format, *answer);
  return 0;
}

Result<json::value> amount_of(std::string_view text) {
  const auto amount = credits::parse_amount(text);
  if (amount) return json::value(static_cast<double>(amount->hundredths) / 100);
  return Error{Error::Kind::invalid, quoted(text) + " is no number of credits",
               "Write it with at most two decimals, such as 500 or 12.5."};
}

Result<int> set_credits(const Context& context, const SetOptions& options) {
  json::object body;
  if (options.warn_at == "never") {
    body["low_threshold"] = nullptr;
  } else if (!options.warn_at.empty()) {
    const auto amount = amount_of(options.warn_at);
    if (!amount) return amount.error();
    body["low_threshold"] = *amount;
  }
  if (!options.stop_at_zero.empty()) body["stop_at_zero"] = options.stop_at_zero == "yes";
  if (body.empty()) {
    return Error{Error::Kind::invalid, "Nothing was said to be set",
                 "Give --warn-at or --stop-at-zero."};
  }
  const auto api = Api::open(context);
  if (!api) return api.error();
  const auto answer = api->patch(api_path({"credits"}), body);
  if (!answer) return answer.error();
  show(options.format, *answer);
  return 0;
}

Result<int> enter(const Context& context, const EntryOptions& options, bool takes) {
  const auto amount = amount_of(options.credits);
  if (!amount) return amount.error();
  if (options.credits.starts_with('-')) {
    return Error{Error::Kind::invalid, "The number of credits is less than 0",
                 "Take credits away with `cupola credits take`."};
  }
  const double number = amount->get_double();
  const auto api = Api::open(context);
  if (!api) return api.error();
  const auto answer =
      api->post(api_path({"credits", "entries"}),
                {{"credits", takes ? -number : number}, {"note", json_text(options.note)}});
  if (!answer) return answer.error();
  if (options.format == "json") {
    print(pretty(*answer));
  } else {
    print(fmt::format("{} {} credits; the balance is {}.\n", takes ? "Took away" : "Added",
                      options.credits, credits_at(*answer, "balance")));
  }
  return 0;
}

Result<int> add_credits(const Context& context, const EntryOptions& options) {
  return enter(context, options, false);
}

Result<int> take_credits(const Context& context, const EntryOptions& options) {
  return enter(context, options, true);
}

Result<int> list_entries(const Context& context, const ListOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  const auto answer = api->list(api_path({"credits", "entries"}), "entries", {}, options.limit);
  if (!answer) return answer.error();
  Table table({"when (UTC)", "credits", "kind", "by", "note"});
  for (const auto& item : array_at(*answer, "entries")) {
    const auto& entry = item.get_object();
    table.add({time_at(entry, "entered_at"), credits_at(entry, "credits"), text_at(entry, "kind"),
               text_at(entry, "entered_by"), text_at(entry, "note")});
  }
  print_list(options.format, *answer, table, "Nothing was bought yet.");
  return 0;
}

void add_entry_command(CLI::App* credits, Context& context, const std::string& name,
                       const std::string& text, const std::string& note,
                       Result<int> (*work)(const Context&, const EntryOptions&)) {
  auto* command = credits->add_subcommand(name, text);
  auto options = std::make_shared<EntryOptions>();
  command->add_option("credits", options->credits, "How many, with at most two decimals")
      ->required()
      ->type_name("CREDITS");
  auto* said = command->add_option(note, options->note, "What it is for; is kept with it");
  said->type_name("TEXT");
  if (note == "--reason") said->required();
  add_format(command, options->format);
  set_work(command, context, options, work);
}

}  // namespace

std::string credits_at(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value == nullptr || value->is_null() ? "-" : to_plain_text(*value);
}

void add_credits_commands(CLI::App& root, Context& context) {
  auto* credits = root.add_subcommand("credits", "What was bought, what is left of it");
  credits->require_subcommand(1);

  auto* show_command = credits->add_subcommand("show", "The balance, and what happens at zero");
  auto show_options = std::make_shared<ShowOptions>();
  add_format(show_command, show_options->format);
  set_work(show_command, context, show_options, show_credits);

  auto* set = credits->add_subcommand("set", "When a low balance is told, what happens at zero");
  auto set_options = std::make_shared<SetOptions>();
  set->add_option("--warn-at", set_options->warn_at,
                  "Tell when so many credits, or less, are left; or: never")
      ->type_name("CREDITS");
  set->add_option("--stop-at-zero", set_options->stop_at_zero,
                  "yes: with no credits left nothing starts any more; no: runs go on")
      ->check(CLI::IsMember({"yes", "no"}))
      ->type_name("YES-OR-NO");
  add_format(set, set_options->format);
  set_work(set, context, set_options, set_credits);

  add_entry_command(credits, context, "add", "Enter a purchase", "--note", add_credits);
  add_entry_command(credits, context, "take", "Correct what was entered wrongly", "--reason",
                    take_credits);

  auto* entries = credits->add_subcommand("entries", "Purchases and corrections, newest first");
  auto list_options = std::make_shared<ListOptions>();
  entries->add_option("--limit", list_options->limit, "How many at most")
      ->check(CLI::Range(1, 100000))
      ->type_name("N")
      ->capture_default_str();
  add_format(entries, list_options->format);
  set_work(entries, context, list_options, list_entries);
}

}  // namespace cupola::cli
