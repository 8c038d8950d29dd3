#pragma once

/// Saying what a deletion takes away before it is done.

#include <string_view>

#include "cli/api.h"
#include "cli/command.h"

namespace cupola::cli {

struct DeletionOptions {
  bool yes = false;
  bool dry_run = false;
};
/// `--yes` and `--dry-run`.
void add_deletion_options(CLI::App* command, DeletionOptions& options);

/// Says what deleting the thing at `path` would do and, unless that is all that is wanted or no
/// question is, asks whether to. `what` is "deployment 'prod'". Gives whether to go on.
Result<bool> confirm_deletion(const Api& api, std::string_view path, std::string_view what,
                              const DeletionOptions& options);

}  // namespace cupola::cli
