#include <cstdlib>
#include <filesystem>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/clock.h"
#include "base/files.h"
#include "base/home.h"
#include "base/text.h"
#include "cli/admin.h"
#include "store/audit.h"

namespace cupola::cli {
namespace {

std::string default_home() {
  if (const char* data = std::getenv("XDG_DATA_HOME"); data != nullptr && *data != '\0') {
    return std::string(data) + "/cupola";
  }
  const char* home = std::getenv("HOME");
  return std::string(home == nullptr ? "" : home) + "/.local/share/cupola";
}

}  // namespace

Home home_of(const Place& place) {
  return Home{place.home.empty() ? default_home() : place.home};
}

std::unique_ptr<db::Database> open_database(const Place& place) {
  const Home home = home_of(place);
  make_folder(home.root(), 0700);
  const std::string url =
      place.database.empty() ? "sqlite:" + home.database().string() : place.database;
  return db::Database::open({.url = url, .readers = 1});
}

Error no_organization(const std::string& name, const db::Database& database) {
  return {Error::Kind::not_found,
          fmt::format("There is no organization {} in {}", cupola::quoted(name),
                      database.description()),
          fmt::format("Create it: cupola admin create-organization {}", printable(name))};
}

void add_place(CLI::App* command, Place& place) {
  command
      ->add_option("--home", place.home,
                   "The server's folder (CUPOLA_HOME; made where it is absent)")
      ->envname("CUPOLA_HOME")
      ->type_name("DIR");
  command
      ->add_option("--database", place.database,
                   "The database, where it is not in the folder (CUPOLA_DATABASE)")
      ->envname("CUPOLA_DATABASE")
      ->type_name("URL");
}

void add_key_file(CLI::App* command, std::string& file) {
  command
      ->add_option("--key-file", file,
                   "The server's key, where it is not in the folder (CUPOLA_KEY_FILE)")
      ->envname("CUPOLA_KEY_FILE")
      ->type_name("FILE");
}

std::filesystem::path key_file_of(const Place& place, const std::string& file) {
  return file.empty() ? home_of(place).key() : std::filesystem::path(file);
}

void audit(db::Session& db, const AdminChange& change) {
  store::add_audit(
      db, {.organization = change.organization,
           .at = SystemClock{}.now(),
           .actor_kind = store::ActorKind::admin,
           .actor = "admin",
           .action = change.action,
           .name = change.name,
           .thing_id = change.id.empty() ? std::nullopt : std::optional(change.id),
           .before =
               change.before.empty() ? std::nullopt : std::optional(json::serialize(change.before)),
           .after =
               change.after.empty() ? std::nullopt : std::optional(json::serialize(change.after))});
}

}  // namespace cupola::cli
