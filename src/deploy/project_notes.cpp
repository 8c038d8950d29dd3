#include "deploy/project_notes.h"

#include <filesystem>
#include <functional>
#include <optional>

#include <fmt/format.h>

#include "base/text.h"

namespace cupola::deploy {
namespace {

namespace fs = std::filesystem;

constexpr const char* default_persist = "output";
constexpr std::size_t most_items = 100;
constexpr std::size_t longest_item = 500;

/// One list of texts; a single text is a list of one. Empty where the key is not there.
class ListReader {
 public:
  ListReader(const json::object& notes, std::vector<Error>& faults)
      : notes_(notes), faults_(faults) {}

  /// `read` gives the item in its plain form, or nothing when it is none; `should` says what they
  /// are, `hint` how to write them.
  std::vector<std::string> read(
      std::string_view key, std::string_view should, std::string_view hint,
      const std::function<std::optional<std::string>(const std::string&)>& plain) {
    std::vector<std::string> items;
    const auto* value = notes_.if_contains(key);
    if (value == nullptr) return items;
    const auto& list = value->is_array() ? value->get_array() : json::array{*value};
    bool good = list.size() <= most_items;
    for (const auto& item : list) {
      const auto* text = item.if_string();
      const auto read =
          text == nullptr || text->empty() || text->size() > longest_item || has_control(*text)
              ? std::nullopt
              : plain(std::string(*text));
      if (read)
        items.push_back(*read);
      else
        good = false;
    }
    if (!good) {
      faults_.push_back({Error::Kind::invalid,
                         fmt::format("`annotations: cupola: {}:` {}.", key, should),
                         std::string(hint)});
    }
    return items;
  }

 private:
  static bool has_control(std::string_view text) { return printable(text) != text; }

  const json::object& notes_;
  std::vector<Error>& faults_;
};

/// A path below the project's directory, without slashes at its end.
std::optional<std::string> path_below(const std::string& text) {
  const fs::path path = fs::path(text).lexically_normal();
  if (path.empty() || path.is_absolute() || path == "." || *path.begin() == ".." ||
      *path.begin() == ".meltano") {
    return std::nullopt;
  }
  std::string kept = path.string();
  while (kept.ends_with('/')) kept.pop_back();
  return kept;
}

std::optional<std::string> path_in_repository(std::string_view directory, const std::string& text) {
  if (fs::path(text).is_absolute()) return std::nullopt;
  const fs::path path = (fs::path(directory) / text).lexically_normal();
  if (path.empty() || *path.begin() == "..") return std::nullopt;
  for (const auto& part : path) {
    if (part == ".git") return std::nullopt;
  }
  std::string kept = path.string();
  while (kept.size() > 1 && kept.ends_with('/')) kept.pop_back();
  return kept;
}

std::optional<std::string> task(const std::string& text) {
  const auto word = trim(text);
  if (word.empty() || word.starts_with('-') || word.find_first_of(" \t") != std::string::npos) {
    return std::nullopt;
  }
  return std::string(word);
}

}  // namespace

const json::object& cupola_notes(const json::object& annotations) {
  static const json::object none;
  const auto* notes = annotations.if_contains("cupola");
  return notes != nullptr && notes->is_object() ? notes->get_object() : none;
}

ProjectNotes read_project_notes(const json::object& notes, std::string_view directory) {
  ProjectNotes read;
  ListReader lists(notes, read.faults);
  read.persist =
      notes.contains("persist")
          ? lists.read("persist", "names something else than folders of the project",
                       "Give paths below the project's directory, such as output.", path_below)
          : std::vector<std::string>{default_persist};
  read.watch =
      lists.read("watch", "names something else than paths of the repository",
                 "Give paths that count from the project's directory, such as ../shared.",
                 [&](const std::string& text) { return path_in_repository(directory, text); });
  read.build = lists.read("build", "names something else than tasks",
                          "Give commands of plugins, as for `meltano run`: [dbt:deps].", task);
  read.artifacts =
      lists.read("artifacts", "names something else than files of the project",
                 "Give globs below the project's directory, such as target/*.json.", path_below);
  return read;
}

}  // namespace cupola::deploy
