#include <string>

#include <CLI/CLI.hpp>

#include "app/server_command.h"
#include "app/version.h"
#include "cli/commands.h"

int main(int argc, char** argv) {
  CLI::App root{"The cloud for Meltano projects that you run yourself.", "cupola"};
  root.set_version_flag("--version", std::string("cupola ") + cupola::app::version,
                        "Print the version");
  root.footer("Exit codes: 0 done, 1 failed, 2 wrong usage. Documentation: docs/cli.md");

  cupola::cli::Context context;
  cupola::app::add_server_command(root, context);
  cupola::cli::add_commands(root, context);
  return cupola::cli::run_program(root, context, argc, argv);
}
