#include "cli/deletion.h"

#include <fmt/format.h>

#include "base/text.h"
#include "cli/show.h"
#include "cli/terminal.h"

namespace cupola::cli {

void add_deletion_options(CLI::App* command, DeletionOptions& options) {
  add_yes(command, options.yes);
  command->add_flag("--dry-run", options.dry_run, "Say what it would take away, and do nothing");
}

Result<bool> confirm_deletion(const Api& api, std::string_view path, std::string_view what,
                              const DeletionOptions& options) {
  if (options.yes && !options.dry_run) return true;
  const auto deletion = api.get(std::string(path) + "/deletion");
  if (!deletion) return deletion.error();
  const auto tell = [&](const std::string& line) {
    if (options.dry_run)
      print(line + "\n");
    else
      say(line);
  };
  tell(fmt::format("Deleting {}:", what));
  for (const auto& effect : array_at(*deletion, "effects")) {
    if (effect.is_string()) tell("  " + printable(std::string(effect.get_string())));
  }
  return !options.dry_run && is_confirmed(fmt::format("Delete {}?", what));
}

}  // namespace cupola::cli
