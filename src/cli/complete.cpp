#include "cli/complete.h"

#include <algorithm>

#include <CLI/CLI.hpp>

#include "base/text.h"

namespace cupola::cli {
namespace {

const CLI::App* find_command(const CLI::App& app, const std::string& word) {
  for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (command->get_name() == word) return command;
  }
  return nullptr;
}

bool takes_value(const CLI::Option& option) {
  return option.get_items_expected_max() > 0;
}

const CLI::Option* find_option(const CLI::App& app, const std::string& word) {
  for (const auto* option : app.get_options()) {
    if (option->check_name(word)) return option;
  }
  return nullptr;
}

/// The values of an option with CLI::IsMember, whose type is shown as "FORMAT:{table,json}".
std::vector<std::string> values_of(const CLI::Option& option) {
  std::vector<std::string> values;
  const std::string type = option.get_type_name();
  const auto begin = type.find(":{");
  if (begin == std::string::npos || !type.ends_with('}')) return values;
  const std::string_view list = std::string_view(type).substr(begin + 2, type.size() - begin - 3);
  for (const auto value : split(list, ',')) values.emplace_back(value);
  return values;
}

std::vector<std::string> names_in(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (!command->get_group().empty()) names.push_back(command->get_name());
  }
  return names;
}

std::vector<std::string> options_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* option : app.get_options()) {
    for (const auto& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

}  // namespace

std::vector<std::string> complete(const CLI::App& root, const std::vector<std::string>& words) {
  if (words.empty()) return {};
  const std::string& typed = words.back();
  const CLI::App* app = &root;
  const CLI::Option* waiting = nullptr;  // an option whose value comes next
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    if (waiting != nullptr) {
      waiting = nullptr;
    } else if (words[i].starts_with('-')) {
      const auto* option = find_option(*app, words[i]);
      if (option != nullptr && takes_value(*option)) waiting = option;
    } else if (const auto* command = find_command(*app, words[i])) {
      app = command;
    }
  }

  std::vector<std::string> found = waiting != nullptr       ? values_of(*waiting)
                                   : typed.starts_with('-') ? options_of(*app)
                                                            : names_in(*app);
  std::erase_if(found, [&](const std::string& word) { return !word.starts_with(typed); });
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace cupola::cli
