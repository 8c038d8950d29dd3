#pragma once

/// What `cupola admin` commands share: they work on a server's folder or database itself, beside a
/// server that runs or without one.

#include <filesystem>
#include <memory>
#include <string>

#include "base/home.h"
#include "base/json.h"
#include "base/outcome.h"
#include "db/database.h"

namespace CLI {
class App;
}

namespace cupola::cli {

/// Where the data lies.
struct Place {
  std::string home;
  std::string database;
};
/// `--home DIR` and `--database URL`.
void add_place(CLI::App* command, Place& place);
Home home_of(const Place& place);
/// `--key-file FILE`; empty: the one in the folder.
void add_key_file(CLI::App* command, std::string& file);
std::filesystem::path key_file_of(const Place& place, const std::string& file);
/// The folder is made where it is absent. Throws Failure.
std::unique_ptr<db::Database> open_database(const Place& place);

Error no_organization(const std::string& name, const db::Database& database);

/// A change for the audit log, by `admin`. Every command that changes something tells of it, in the
/// transaction of the change.
struct AdminChange {
  OrganizationKey organization;
  std::string action;
  std::string name;
  std::string id = "";
  json::object before = {};
  json::object after = {};
};
void audit(db::Session& db, const AdminChange& change);

}  // namespace cupola::cli
