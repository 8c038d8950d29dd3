#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "cli/api.h"
#include "cli/apply_file.h"
#include "cli/apply_steps.h"
#include "cli/command.h"
#include "cli/terminal.h"

namespace cupola::cli {
namespace {

constexpr std::size_t largest_file = 512u << 10;

struct ApplyOptions {
  std::string file;
  bool dry_run = false;
  bool prune = false;
  bool yes = false;
};

std::string line_of(const Step& step) {
  switch (step.kind) {
    case Step::Kind::add:
      return painted("+ " + printable(step.text), Colour::green, has_colours(stdout));
    case Step::Kind::change:
      return painted("~ " + printable(step.text), Colour::yellow, has_colours(stdout));
    case Step::Kind::remove:
      break;
  }
  return painted("- " + printable(step.text), Colour::red, has_colours(stdout));
}

Result<std::string> read(const std::string& file) {
  auto text = read_file_or_input(file, largest_file);
  if (text || file == "-") return text;
  return Error{text.error().kind, fmt::format("Cannot read {}: {}", file, text.error().message),
               text.error().hint};
}

Error stopped_at(const ApplyOptions& options, const Step& step, const Error& error,
                 std::size_t count, std::size_t all) {
  const std::string place =
      step.line > 0 ? fmt::format("{}:{}", options.file, step.line) : options.file;
  return {error.kind,
          fmt::format("{}: {}: {} ({} of {} changes were made)", place, step.text, error.message,
                      count, all),
          error.hint.empty() ? "Mend it and apply the file again: what was made is left as it is."
                             : error.hint};
}

Result<int> apply(const Context& context, const ApplyOptions& options) {
  const auto text = read(options.file);
  if (!text) return text.error();
  const auto wanted = read_apply_file(options.file, *text);
  if (!wanted) return wanted.error();
  const auto api = Api::open(context);
  if (!api) return api.error();
  const auto steps = steps_to(*api, options.file, *wanted, options.prune);
  if (!steps) return steps.error();
  if (steps->empty()) {
    print("Nothing to do: all is as the file says.\n");
    return 0;
  }
  const bool removes = std::any_of(steps->begin(), steps->end(), [](const Step& step) {
    return step.kind == Step::Kind::remove;
  });
  if (options.dry_run || (removes && !options.yes)) {
    for (const Step& step : *steps) print(line_of(step) + "\n");
  }
  if (options.dry_run) {
    say(fmt::format("{} changes; none was made.", steps->size()));
    return 0;
  }
  if (removes && !options.yes && !is_confirmed("Do this?")) return 1;
  std::size_t count = 0;
  for (const Step& step : *steps) {
    if (const auto worked = step.work(*api); !worked) {
      return stopped_at(options, step, worked.error(), count, steps->size());
    }
    ++count;
    print(line_of(step) + "\n");
  }
  say(fmt::format("{} changes were made.", count));
  return 0;
}

}  // namespace

void add_apply_command(CLI::App& root, Context& context) {
  auto* command = root.add_subcommand("apply", "Bring your organization to what a YAML file says");
  auto options = std::make_shared<ApplyOptions>();
  command->add_option("file", options->file, "The file; - is standard input")
      ->required()
      ->type_name("FILE");
  command->add_flag("--dry-run", options->dry_run, "Say what differs, and change nothing");
  command->add_flag("--prune", options->prune,
                    "Take away what the file does not name, of the lists that it has");
  add_yes(command, options->yes);
  set_work(command, context, options, apply);
}

}  // namespace cupola::cli
