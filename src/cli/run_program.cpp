#include <csignal>
#include <exception>
#include <iostream>

#include <fmt/format.h>

#include "base/likeness.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/terminal.h"

namespace cupola::cli {
namespace {

void report(std::string_view what, std::string_view hint) {
  const std::string prefix = painted("cupola:", Colour::red, has_colours(stderr));
  std::string line = fmt::format("{} {}", prefix, printable(what));
  if (!hint.empty()) {
    if (!line.ends_with('.') && !line.ends_with('\n')) line += '.';
    line += " " + printable(hint);
  }
  say(line);
}

/// The command that the words named, as far as they did.
const CLI::App* deepest(const CLI::App* app) {
  while (!app->get_subcommands().empty()) app = app->get_subcommands().back();
  return app;
}

std::string full_name(const CLI::App* app) {
  std::string name = app->get_name();
  for (app = app->get_parent(); app != nullptr; app = app->get_parent()) {
    name = app->get_name() + " " + name;
  }
  return name;
}

/// "Did you mean …?" for a word where a command or an option should be; else an empty text.
std::string suggestion(const CLI::App* app, const std::string& word) {
  std::vector<std::string> known;
  if (word.starts_with('-')) {
    for (const auto* option : app->get_options()) {
      for (const auto& name : option->get_lnames()) known.push_back("--" + name);
    }
  } else {
    for (const auto* command : app->get_subcommands([](const CLI::App*) { return true; })) {
      if (!command->get_group().empty()) known.push_back(command->get_name());
    }
  }
  std::string alike;
  for (const auto& name : known) {
    if (alike.empty() && word.size() > 2 && name.starts_with(word)) alike = name;
  }
  if (alike.empty()) alike = most_alike(word, known);
  return alike.empty() ? "" : fmt::format("Did you mean {}? ", alike);
}

/// What `command` needs and was not given: "--project, NAME".
std::string missing_of(const CLI::App& command) {
  std::vector<std::string> missing;
  for (const auto* option : command.get_options()) {
    if (!option->get_required() || option->count() > 0) continue;
    const std::string type = option->get_type_name();  // "SHELL:{bash,zsh,fish}"
    missing.push_back(option->get_positional() ? type.substr(0, type.find(':'))
                                               : "--" + option->get_lnames().front());
  }
  return join(missing, ", ");
}

int report_usage(const CLI::App& root, const CLI::ParseError& error) {
  const CLI::App* command = deepest(&root);
  std::string hint;
  std::string what = error.what();
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError) ||
      error.get_exit_code() == static_cast<int>(CLI::ExitCodes::RequiredError)) {
    const auto rest = root.remaining(true);
    if (!rest.empty()) {
      const bool wants_command = command->get_require_subcommand_min() > 0;
      what = fmt::format("{} {}",
                         rest.front().starts_with('-') ? "There is no option"
                         : wants_command               ? "There is no command"
                                                       : "Too many words, from",
                         cupola::quoted(rest.front()));
      hint = suggestion(command, rest.front());
    } else if (command->get_require_subcommand_min() > 0) {
      what = "Which command?";
    } else if (const std::string missing = missing_of(*command); !missing.empty()) {
      what = "Missing: " + missing;
    }
  }
  hint += fmt::format("See: {} --help", full_name(command));
  report(what, hint);
  return 2;
}

}  // namespace

int run_program(CLI::App& root, Context& context, int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  try {
    root.parse(argc, argv);
  } catch (const CLI::Success& success) {  // --help, --version
    return root.exit(success);
  } catch (const CLI::ParseError& error) {
    return report_usage(root, error);
  } catch (const std::exception& exception) {
    report(exception.what(), "");
    return 1;
  }
  if (!context.chosen) return 0;
  try {
    const Result<int> result = context.chosen();
    if (result) return *result;
    report(result.error().message, result.error().hint);
  } catch (const std::exception& exception) {
    report(exception.what(), "");
  }
  return 1;
}

}  // namespace cupola::cli
