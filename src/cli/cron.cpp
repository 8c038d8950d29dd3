#include <fmt/format.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/show.h"
#include "cli/terminal.h"
#include "cron/expression.h"
#include "cron/fires.h"
#include "cron/zone.h"

namespace cupola::cli {
namespace {

struct CronOptions {
  std::vector<std::string> words;
  std::string from;
  int count = 5;
  std::string timezone = "UTC";
  int offset = 0;
  std::string format = "table";
};

/// What the zone's clock shows at that instant: "2026-11-23 04:15:00".
std::string wall_time(const cron::Zone& zone, Instant instant) {
  const auto seconds = to_milliseconds(instant) / 1000;
  const auto& span = zone.spans()[zone.span_at(seconds)];
  return shown_time(to_rfc3339(instant + std::chrono::seconds{span.offset}));
}

Result<int> show_fires(const Context&, const CronOptions& options) {
  const std::string text = join(options.words, " ");
  auto expression = cron::Expression::parse(text);
  if (!expression) return expression.error();
  const auto zone = cron::Zone::find(options.timezone);
  if (!zone) return zone.error();
  const Instant now = SystemClock{}.now();
  const auto from = options.from.empty() ? now : parse_rfc3339(options.from);
  if (!from) {
    return Error{Error::Kind::invalid,
                 fmt::format("--from {} is no time", cupola::quoted(options.from)),
                 "Write it as 2026-11-23T03:00:00Z."};
  }

  const cron::Timing timing{*expression, *zone, std::chrono::minutes{options.offset}};
  std::vector<Instant> fires;
  auto fire = cron::next_fire(timing, *from);
  while (fire && fires.size() < static_cast<std::size_t>(options.count)) {
    fires.push_back(fire->due);
    fire = cron::next_fire(timing, fire->due);
  }

  json::array instants;
  Table table(
      {"fire (UTC)", options.timezone == "UTC" ? "in" : "on the clock of " + options.timezone});
  for (const Instant due : fires) {
    const std::string shown = to_rfc3339(due);
    instants.push_back(json_text(shown));
    table.add({shown_time(shown), options.timezone == "UTC" ? (due > now ? to_text(due - now) : "-")
                                                            : wall_time(*zone, due)});
  }
  if (options.format == "table") {
    print(fmt::format("{}: {}\n", printable(expression->text()), expression->describe()));
  }
  const json::object answer{{"expression", json_text(expression->text())},
                            {"description", json_text(expression->describe())},
                            {"fires", std::move(instants)}};
  print_list(options.format, answer, table, "It never fires by itself.");
  return 0;
}

}  // namespace

void add_cron_command(CLI::App& root, Context& context) {
  auto* command = root.add_subcommand("cron", "A cron expression in words, and its next fires");
  auto options = std::make_shared<CronOptions>();
  command
      ->add_option("expression", options->words,
                   "Five fields or an @name, in quotes: '*/15 * * * *'")
      ->required()
      ->type_name("EXPRESSION");
  command->add_option("--from", options->from, "Fires after this time; now unless given")
      ->type_name("TIME");
  command->add_option("--count,-n", options->count, "How many")
      ->check(CLI::Range(1, 10000))
      ->type_name("N")
      ->capture_default_str();
  command->add_option("--timezone", options->timezone, "Zone in which the expression is read")
      ->type_name("ZONE")
      ->capture_default_str();
  command->add_option("--offset", options->offset, "Constant offset of the fires")
      ->check(CLI::Range(-525600, 525600))
      ->type_name("MINUTES")
      ->capture_default_str();
  add_format(command, options->format);
  set_work(command, context, options, show_fires);
}

}  // namespace cupola::cli
