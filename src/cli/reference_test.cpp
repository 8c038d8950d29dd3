// Holds docs/cli.md against the commands: its reference is written from them.
// CUPOLA_UPDATE_DOCS=1 writes it anew.

#include <cstdlib>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/files.h"
#include "cli/commands.h"

namespace cupola::cli {
namespace {

constexpr std::string_view marker = "<!-- The rest is written by reference_test.cpp. -->\n";

std::string full_name(const CLI::App& command) {
  const CLI::App* parent = command.get_parent();
  return parent == nullptr ? "cupola" : full_name(*parent) + " " + command.get_name();
}

std::string names_of(const CLI::Option& option) {
  std::string names;
  for (const auto& name : option.get_lnames()) names += (names.empty() ? "--" : ", --") + name;
  for (const auto& name : option.get_snames()) names += ", -" + name;
  return names;
}

/// "ROLE" of "ROLE:{viewer,owner}".
std::string type_of(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  return type.substr(0, type.find(':'));
}

std::string synopsis(const CLI::App& command) {
  std::string text = full_name(command);
  for (const auto* option : command.get_options()) {
    if (!option->get_positional()) continue;
    std::string word = type_of(*option);
    if (option->get_items_expected_max() > 1) word += "…";
    text += option->get_required() ? " " + word : " [" + word + "]";
  }
  for (const auto* option : command.get_options()) {
    if (option->get_positional() || !option->get_required()) continue;
    text += fmt::format(" --{} {}", option->get_lnames().front(), type_of(*option));
  }
  return text;
}

std::string describe(const CLI::App& command) {
  std::string text =
      fmt::format("### `{}`\n\n{}.\n\n", synopsis(command), command.get_description());
  std::string options;
  for (const auto* option : command.get_options()) {
    if (option->get_lnames().empty() || option->get_lnames().front() == "help") continue;
    options += fmt::format("- `{}`: {}\n", names_of(*option), option->get_description());
  }
  return options.empty() ? text : text + options + "\n";
}

void add_commands_of(const CLI::App& app, std::string& text) {
  for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (command->get_group().empty()) continue;
    if (command->get_require_subcommand_min() == 0) text += describe(*command);
    add_commands_of(*command, text);
  }
}

TEST(ReferenceTest, DocsNameEveryCommandAndOption) {
  CLI::App root{"", "cupola"};
  Context context;
  add_commands(root, context);
  const std::string path = CUPOLA_SOURCE_DIR "/docs/cli.md";
  const auto text = read_file(path, 1u << 20);
  ASSERT_TRUE(text);
  const auto begin = text->find(marker);
  ASSERT_NE(begin, std::string::npos);
  std::string expected = text->substr(0, begin) + std::string(marker) + "\n";

  add_commands_of(root, expected);
  expected.pop_back();

  if (std::getenv("CUPOLA_UPDATE_DOCS") != nullptr) write_file(path, expected);
  EXPECT_EQ(*text, expected) << "Write it anew: CUPOLA_UPDATE_DOCS=1 cli_test "
                                "--gtest_filter=ReferenceTest.*";
}

TEST(ReferenceTest, EveryCommandHasHelp) {
  CLI::App root{"", "cupola"};
  Context context;
  add_commands(root, context);
  std::vector<const CLI::App*> rest{&root};
  while (!rest.empty()) {
    const CLI::App* app = rest.back();
    rest.pop_back();
    for (const auto* command : app->get_subcommands([](const CLI::App*) { return true; })) {
      EXPECT_FALSE(command->get_description().empty()) << full_name(*command);
      for (const auto* option : command->get_options()) {
        EXPECT_FALSE(option->get_description().empty())
            << full_name(*command) << option->get_name();
      }
      rest.push_back(command);
    }
  }
}

}  // namespace
}  // namespace cupola::cli
