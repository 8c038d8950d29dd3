#pragma once

/// What the commands about one state id have in common. Private.

#include <string>
#include <string_view>

#include <CLI/CLI.hpp>

namespace cupola::cli {

struct StateName {
  std::string project;
  std::string state_id;
};

/// The path of it, and of what is below.
std::string state_path(const StateName& name, std::string_view below = "");

/// A subcommand about one state id, with --project. `name` must outlive the command.
CLI::App* add_state_command(CLI::App* state, const char* command, const char* text,
                            StateName& name);

}  // namespace cupola::cli
