#include <fmt/format.h>

#include "base/home.h"
#include "base/text.h"
#include "cli/admin.h"
#include "cli/command.h"
#include "cli/terminal.h"
#include "store/key_rotation.h"
#include "store/organizations.h"

namespace cupola::cli {
namespace {

struct KeyOptions {
  Place place;
  std::string key_file;
};

Result<int> rotate_key(const Context&, const KeyOptions& options) {
  const auto database = open_database(options.place);
  const auto rotation =
      store::rotate_key(key_file_of(options.place, options.key_file), *database,
                        [](db::Session& db, const store::KeyRotation& done) {
                          for (const OrganizationKey& key : store::list_organizations(db)) {
                            const auto organization = store::find_organization(db, key);
                            if (!organization) continue;
                            audit(db, {.organization = key,
                                       .action = "organization.rotate_key",
                                       .name = organization->name,
                                       .id = organization->id,
                                       .before = {{"key", done.from}},
                                       .after = {{"key", done.to}}});
                          }
                        });
  if (rotation.was_open) say("A rotation that had not ended was brought to its end.");
  print(fmt::format("The key is now {}; {} values were sealed anew.\n", rotation.to,
                    rotation.values));
  say(
      fmt::format("Backups of the database from before open with {} alone. Delete it when there "
                  "is none left.",
                  rotation.old_file.string()));
  return 0;
}

}  // namespace

void add_admin_key_command(CLI::App* admin, Context& context) {
  auto* command = admin->add_subcommand(
      "rotate-key", "Seal all secrets anew with a new key, beside a server or without one");
  auto options = std::make_shared<KeyOptions>();
  add_key_file(command, options->key_file);
  add_place(command, options->place);
  set_work(command, context, options, rotate_key);
}

}  // namespace cupola::cli
