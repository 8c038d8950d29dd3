#include "cli/state_source.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>

#include <fmt/format.h>

#include "base/files.h"
#include "base/text.h"
#include "cli/state_export.h"
#include "db/foreign.h"

namespace cupola::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t largest_state = 64u << 20;
constexpr std::size_t largest_export = 1u << 30;
constexpr std::string_view state_file = "state.json";
constexpr std::string_view system_database = ".meltano/meltano.db";

/// An object, or an empty one for nothing and null.
Result<json::object> object_of(std::string_view text, const std::string& place) {
  if (trim(text).empty()) return json::object();
  const auto value = parse_json(text);
  if (value && value->is_null()) return json::object();
  if (value && value->is_object()) return value->get_object();
  return Error{Error::Kind::invalid, fmt::format("{} holds no state", place),
               "A state is a JSON object. Take what is damaged away, and import the rest."};
}

Result<FoundState> read_file_of(const fs::path& folder, const std::string& state_id) {
  const fs::path path = fs::path(state_id) / state_file;
  const auto text = read_file_beneath(folder, path, largest_state);
  if (!text) return text.error();
  auto payload = object_of(*text, (folder / path).string());
  if (!payload) return payload.error();
  // The oldest form was the Singer state alone.
  if (!payload->contains("completed") && !payload->contains("partial") &&
      !payload->contains("singer_state") && !payload->empty()) {
    payload = json::object{{"singer_state", *payload}};
  }
  return FoundState{state_id, *std::move(payload)};
}

/// By state id; those in folders below (an id with a slash) too.
Result<std::vector<FoundState>> read_folder(const fs::path& folder) {
  std::vector<std::string> ids;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    if (it->path().filename() != state_file || it.depth() < 1) continue;
    ids.push_back(it->path().parent_path().lexically_relative(folder).string());
  }
  if (error) {
    return Error{Error::Kind::not_found,
                 fmt::format("{} cannot be read: {}", folder.string(), error.message()), ""};
  }
  std::sort(ids.begin(), ids.end());
  std::vector<FoundState> states;
  for (const std::string& id : ids) {
    auto state = read_file_of(folder, id);
    if (!state) return state.error();
    states.push_back(*std::move(state));
  }
  return states;
}

Result<std::vector<FoundState>> read_database(const std::string& url) {
  std::vector<FoundState> states;
  std::optional<Error> fault;
  db::read_foreign(url, [&](db::Session& db) {
    // The columns hold JSON texts, or nothing.
    db.each("SELECT state_id, completed_state, partial_state FROM state ORDER BY state_id", {},
            [&](const db::Row& row) {
              FoundState state{.state_id = row.get<std::string>(0), .payload = {}};
              const char* parts[] = {"completed", "partial"};
              for (std::size_t i = 0; i < 2 && !fault; ++i) {
                const auto text = row.get<std::optional<std::string>>(i + 1).value_or("");
                auto part = object_of(text, "The row of " + cupola::quoted(state.state_id));
                if (!part) {
                  fault = part.error();
                } else if (i == 0 || !part->empty()) {
                  state.payload[parts[i]] = *std::move(part);
                }
              }
              states.push_back(std::move(state));
              return !fault;
            });
  });
  if (fault) return *fault;
  return states;
}

/// An export, which begins as a JSON object does, or a system database.
Result<std::vector<FoundState>> read_one_file(const fs::path& path) {
  std::ifstream file(path);
  if ((file >> std::ws).peek() != '{') return read_database("sqlite:" + path.string());
  const auto text = read_file(path, largest_export);
  if (!text) return text.error();
  return parse_export(*text, path.string());
}

}  // namespace

Result<std::vector<FoundState>> read_states(const std::string& from, const std::string& meltano) {
  if (from.starts_with("postgresql://") || from.starts_with("postgres://")) {
    const std::string url =
        from.starts_with("postgres://") ? "postgresql://" + from.substr(11) : from;
    return read_database(url);
  }
  if (from.starts_with("postgresql+")) {  // SQLAlchemy's name for a driver
    return read_database("postgresql" + from.substr(from.find("://")));
  }
  const bool is_sqlite = from.starts_with("sqlite:///");
  if (is_sqlite || from.starts_with("sqlite:")) {
    return read_database("sqlite:" + from.substr(is_sqlite ? 10 : 7));
  }
  const fs::path path = from.starts_with("file://") ? from.substr(7) : from;
  if (from.find("://") != std::string::npos && !from.starts_with("file://"))
    return export_states(from, meltano);
  if (fs::is_regular_file(path)) return read_one_file(path);
  if (fs::is_regular_file(path / system_database)) {
    return read_database("sqlite:" + (path / system_database).string());
  }
  if (!fs::is_directory(path)) {
    return Error{Error::Kind::not_found, fmt::format("There is no {}", printable(from)),
                 "Give a folder of states, a Meltano project, or a system database."};
  }
  return read_folder(path);
}

}  // namespace cupola::cli
