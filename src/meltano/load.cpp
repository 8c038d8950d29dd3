#include "meltano/load.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/files.h"
#include "base/text.h"
#include "meltano/wildcards.h"

namespace cupola::meltano {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_files = 500;
const std::vector<std::string_view> shared_lists = {"schedules", "environments", "jobs"};

/// Reads files of one project and keeps the sum of their sizes below the limit of one.
class Loader {
 public:
  Loader(const fs::path& root, const fs::path& folder, Report& report)
      : root_(root), folder_(folder), report_(report) {
    std::error_code error;
    real_folder_ = fs::canonical(root / folder, error);
  }

  Loaded run() {
    Loaded loaded;
    std::optional<yaml::Node> main = read_main();
    whole_ = whole_ && main.has_value();
    if (main) {
      for (const fs::path& path : included(*main)) add_included(path, *main);
      loaded.tree = std::move(main);
    }
    loaded.whole = whole_;
    return loaded;
  }

 private:
  std::string shown_folder() const {
    if (folder_.is_absolute() || folder_.lexically_normal() == ".") return "this folder";
    return "the folder " + cupola::quoted(folder_.string());
  }

  std::optional<yaml::Node> read_main() {
    const std::uint32_t file = report_.add_file("meltano.yml");
    auto text = read("meltano.yml");
    if (!text && text.error().kind == Error::Kind::not_found) {
      report_.reject({file, 0, 0}, "There is no meltano.yml in " + shown_folder() + ".",
                     "Name the folder of the repository that holds the project's meltano.yml.");
      return std::nullopt;
    }
    if (!text) {
      report_.reject({file, 0, 0}, text.error().message, text.error().hint);
      return std::nullopt;
    }
    std::optional<yaml::Node> tree = parse(*text, file);
    if (!tree || tree->is_null()) {
      if (whole_) {
        report_.reject({file, 1, 1}, "The file is empty.",
                       "Write at least 'default_environment: dev', or run `meltano init`.");
      }
      return std::nullopt;
    }
    if (!tree->is_mapping()) {
      report_.reject(tree->mark, "The file must hold a mapping; it holds " + in_words(*tree) + ".",
                     "Begin with keys such as 'plugins:', 'schedules:' and 'jobs:'.");
      return std::nullopt;
    }
    return tree;
  }

  /// The text of a file in the project's folder. A symbolic link counts if it leads to a file in
  /// that folder: what is opened then is that file, without any link on the way.
  Result<std::string> read(const fs::path& path) {
    const std::size_t limit = yaml::Limits{}.bytes - std::min(yaml::Limits{}.bytes, bytes_);
    auto text = read_file_beneath(root_, folder_ / path, limit);
    if (!text && text.error().kind == Error::Kind::invalid) {
      std::error_code error;
      const fs::path real = fs::canonical(real_folder_ / path, error);
      if (!error && real != real_folder_ / path) {
        const fs::path inside = real.lexically_relative(real_folder_);
        if (inside.empty() || *inside.begin() == "..") {
          return Error{Error::Kind::invalid,
                       fmt::format("{} is a link that leads out of the project.", path.string()),
                       "Put the file itself there."};
        }
        text = read_file_beneath(real_folder_, inside, limit);
      }
    }
    if (text) bytes_ += text->size();
    if (!text && text.error().kind == Error::Kind::too_large) {
      return Error{Error::Kind::too_large,
                   fmt::format("With {} the project's files are larger than {} bytes.",
                               path.string(), yaml::Limits{}.bytes),
                   "Move data out of meltano.yml and the files that it includes."};
    }
    return text;
  }

  std::optional<yaml::Node> parse(const std::string& text, std::uint32_t file) {
    yaml::Document document = yaml::parse(text, file);
    for (yaml::Problem& problem : document.problems) {
      report_.add({report_.place(problem.mark), std::move(problem.message), std::move(problem.hint),
                   true, problem.form ? Fault::Stage::form : Fault::Stage::value});
    }
    whole_ = whole_ && document.whole && (document.root || document.problems.empty());
    return std::move(document.root);
  }

  std::vector<fs::path> included(const yaml::Node& main) {
    std::vector<fs::path> paths;
    const yaml::Node* patterns = main.find("include_paths");
    if (patterns == nullptr) return paths;
    if (!patterns->is_sequence()) {
      report_.reject(patterns->mark,
                     "'include_paths' must be a list; this is " + in_words(*patterns) + ".",
                     "Write each pattern as a list entry: '- load/*.yml'.");
      return paths;
    }
    for (const yaml::Node& pattern : patterns->items) {
      if (!pattern.is_text()) {
        report_.reject(pattern.mark, "A pattern must be text; this is " + in_words(pattern) + ".",
                       "Put the pattern in quotes.");
        continue;
      }
      const auto found = find_files(real_folder_, pattern.text);
      if (!found) {
        report_.reject(pattern.mark, "The pattern " + found.error().message, found.error().hint);
        continue;
      }
      if (found->empty()) {
        report_.warn(pattern.mark,
                     fmt::format("The pattern {} finds no file.", cupola::quoted(pattern.text)),
                     "Check the path; it is relative to the folder of meltano.yml.");
      }
      for (const fs::path& path : *found) {
        if (path == "meltano.yml" || std::ranges::find(paths, path) != paths.end()) continue;
        if (paths.size() == most_files) {
          report_.reject(pattern.mark, fmt::format("More than {} files are included.", most_files),
                         "Include fewer files.");
          return paths;
        }
        patterns_[path.string()] = pattern.mark;
        paths.push_back(path);
      }
    }
    return paths;
  }

  void add_included(const fs::path& path, yaml::Node& tree) {
    const std::uint32_t file = report_.add_file(path.string());
    for (const fs::path& part : path) {
      if (to_lower(part.string()) == ".git") {
        report_.reject(patterns_[path.string()], "The pattern finds git's own files.",
                       "Include only files of the project.");
        return;
      }
    }
    const auto text = read(path);
    if (!text) {
      report_.reject(patterns_[path.string()],
                     "An included file cannot be read: " + text.error().message, text.error().hint);
      whole_ = false;
      return;
    }
    std::optional<yaml::Node> content = parse(*text, file);
    if (!content) {
      if (whole_) {
        report_.reject({file, 1, 1}, "An included file must not be empty.",
                       "Remove it, or write 'plugins: {}' into it.");
      }
      return;
    }
    if (!content->is_mapping()) {
      report_.reject(content->mark,
                     "An included file must hold a mapping; it holds " + in_words(*content) + ".",
                     "Begin with keys such as 'plugins:' or 'jobs:'.");
      return;
    }
    check_index(*content);
    merge_into(tree, std::move(*content), report_);
  }

  /// What official Meltano demands of included files alone: names, each only once among them.
  void check_index(const yaml::Node& content) {
    if (const yaml::Node* plugins = content.find("plugins")) {
      if (!plugins->is_mapping()) {
        report_.reject(plugins->mark,
                       "'plugins' must be a mapping here; this is " + in_words(*plugins) + ".",
                       "Write the plugins under their types, or remove the key.");
      }
      for (const yaml::Entry& type : plugins->entries)
        check_names(type.value, "plugins:" + type.key.text);
    }
    for (const std::string_view key : shared_lists) {
      if (const yaml::Node* list = content.find(key)) check_names(*list, key);
    }
  }

  /// Entries that are wrong in any file are reported where they are read.
  void check_names(const yaml::Node& list, std::string_view what) {
    const bool plugins = what.starts_with("plugins:");
    if (list.is_null() && !plugins) {
      report_.reject(list.mark,
                     fmt::format("'{}' must be a list in an included file; this is nothing.", what),
                     "Write at least one entry, or remove the key.");
    }
    for (const yaml::Node& item : list.items) {
      if (item.is_null() && !plugins && what != "schedules") {
        report_.reject(item.mark, fmt::format("This entry of '{}' is empty.", what), "Remove it.");
      }
      const yaml::Node* name = item.find("name");
      if (name == nullptr) continue;
      const auto [known, added] =
          index_.try_emplace(fmt::format("{}\n{}", what, name->text), name->mark);
      if (added) continue;
      const Place first = report_.place(known->second);
      report_.reject(
          name->mark,
          fmt::format("The name {} stands in included files twice (first in {}, line {}).",
                      cupola::quoted(name->text), first.file, first.line),
          "Rename or remove one of the two.");
    }
  }

  fs::path root_;
  fs::path folder_;
  fs::path real_folder_;
  Report& report_;
  bool whole_ = true;
  std::size_t bytes_ = 0;
  std::map<std::string, yaml::Mark> patterns_;
  std::map<std::string, yaml::Mark> index_;
};

}  // namespace

Loaded load(const fs::path& root, const fs::path& folder, Report& report) {
  return Loader(root, folder, report).run();
}

bool merge_into(yaml::Node& base, yaml::Node more, Report& report) {
  bool merged = true;
  for (yaml::Entry& entry : more.entries) {
    const auto here = std::ranges::find_if(base.entries, [&](const yaml::Entry& known) {
      return known.key.kind == entry.key.kind && known.key.text == entry.key.text;
    });
    if (here == base.entries.end()) {
      base.entries.push_back(std::move(entry));
      continue;
    }
    yaml::Node& value = here->value;
    const bool mapping = entry.value.is_mapping();
    const bool list = entry.value.is_sequence();
    if (mapping && value.is_mapping()) {
      merged = merge_into(value, std::move(entry.value), report) && merged;
    } else if (list && value.is_sequence()) {
      for (yaml::Node& item : entry.value.items) value.items.push_back(std::move(item));
    } else if (list || (mapping && !entry.value.entries.empty())) {
      report.reject(entry.key.mark,
                    fmt::format("{} is {} here, but {} in {}: they cannot be put together.",
                                cupola::quoted(entry.key.text), in_words(entry.value),
                                in_words(value), report.place(value.mark).file),
                    "Give both the same form, or remove one.");
      merged = false;
    } else if (!mapping) {
      value = std::move(entry.value);
    }
  }
  return merged;
}

}  // namespace cupola::meltano
