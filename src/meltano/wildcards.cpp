#include "meltano/wildcards.h"

#include <memory>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/text.h"

namespace cupola::meltano {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_entries = 20'000;
constexpr std::size_t most_depth = 32;

/// Whether the class that opens at pattern[at] holds `c`; `at` moves behind its bracket. A bracket
/// that is never closed stands for itself.
bool class_matches(std::string_view pattern, std::size_t& at, char c) {
  std::size_t from = at + 1;
  const bool negated = from < pattern.size() && pattern[from] == '!';
  if (negated) ++from;
  const std::size_t close = pattern.find(']', from + 1);
  if (close == std::string_view::npos) {
    ++at;
    return c == '[';
  }
  bool found = false;
  for (std::size_t i = from; i < close; ++i) {
    if (i + 2 < close && pattern[i + 1] == '-') {
      found = found || (pattern[i] <= c && c <= pattern[i + 2]);
      i += 2;
    } else {
      found = found || pattern[i] == c;
    }
  }
  at = close + 1;
  return found != negated;
}

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

class Search {
 public:
  explicit Search(std::vector<std::string_view> parts) : parts_(std::move(parts)) {}

  /// Looks in the open folder `fd`, which is `path`, for what the parts from `part` on match.
  void look(Fd fd, const fs::path& path, std::size_t part, std::size_t depth) {
    if (too_large_) return;
    if (depth > most_depth) {
      too_large_ = true;
      return;
    }
    const std::string_view name = parts_[part];
    const bool last = part + 1 == parts_.size();
    if (name == "**") {
      if (!last) {
        look(Fd(::dup(fd.get())), path, part + 1, depth + 1);
      } else {
        add(path);
      }
      for (const Found& found : list(fd)) {
        if (found.folder) enter(fd, path, found.name, part, depth);
      }
      return;
    }
    if (name.find_first_of("*?[") == std::string_view::npos) {
      take(fd, path, std::string(name), last, part, depth);
      return;
    }
    for (const Found& found : list(fd)) {
      if (matches(name, found.name)) take(fd, path, found.name, last, part, depth);
    }
  }

  std::vector<fs::path> take_found() { return std::move(found_); }
  bool too_large() const { return too_large_; }

 private:
  struct Found {
    std::string name;
    bool folder;
  };

  void take(const Fd& fd, const fs::path& path, const std::string& name, bool last,
            std::size_t part, std::size_t depth) {
    if (!last) {
      enter(fd, path, name, part + 1, depth);
      return;
    }
    struct ::stat status {};
    if (::fstatat(fd.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) add(path / name);
  }

  void enter(const Fd& fd, const fs::path& path, const std::string& name, std::size_t part,
             std::size_t depth) {
    Fd inner(::openat(fd.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (inner) look(std::move(inner), path / name, part, depth + 1);
  }

  std::vector<Found> list(const Fd& fd) {
    std::vector<Found> names;
    const int copy = ::openat(fd.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (copy < 0) return names;
    const std::unique_ptr<DIR, CloseFolder> folder(::fdopendir(copy));
    while (folder != nullptr) {
      const ::dirent* entry = ::readdir(folder.get());
      if (entry == nullptr) break;
      std::string name = entry->d_name;
      if (name == "." || name == "..") continue;
      if (++entries_ > most_entries) {
        too_large_ = true;
        break;
      }
      struct ::stat status {};
      const bool is_folder = ::fstatat(fd.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
                             S_ISDIR(status.st_mode);
      names.push_back({std::move(name), is_folder});
    }
    return names;
  }

  void add(const fs::path& path) {
    for (const fs::path& known : found_) {
      if (known == path) return;
    }
    found_.push_back(path);
  }

  std::vector<std::string_view> parts_;
  std::vector<fs::path> found_;
  std::size_t entries_ = 0;
  bool too_large_ = false;
};

}  // namespace

bool matches(std::string_view pattern, std::string_view name) {
  std::size_t p = 0;
  std::size_t n = 0;
  std::size_t star = std::string_view::npos;
  std::size_t star_name = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_name = n;
      continue;
    }
    bool here = false;
    if (p < pattern.size()) {
      if (pattern[p] == '[') {
        here = class_matches(pattern, p, name[n]);
      } else {
        here = pattern[p] == '?' || pattern[p] == name[n];
        ++p;
      }
    }
    if (here) {
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++star_name;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

Result<std::vector<fs::path>> find_files(const fs::path& folder, std::string_view pattern) {
  if (pattern.starts_with('/')) {
    return Error{Error::Kind::invalid,
                 fmt::format("{} is an absolute path.", cupola::quoted(pattern)),
                 "Write it relative to the folder of meltano.yml."};
  }
  std::vector<std::string_view> parts;
  for (const std::string_view part : split(pattern, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      return Error{Error::Kind::invalid, fmt::format("{} leads upwards.", cupola::quoted(pattern)),
                   "Included files must lie in the folder of meltano.yml or below."};
    }
    if (part.find("**") != std::string_view::npos && part != "**") {
      return Error{Error::Kind::invalid,
                   fmt::format("{} has '**' beside other characters.", cupola::quoted(pattern)),
                   "'**' must be a whole part of the path, as in 'load/**/*.yml'."};
    }
    parts.push_back(part);
  }
  if (parts.empty()) {
    return Error{Error::Kind::invalid, fmt::format("{} is no pattern.", cupola::quoted(pattern)),
                 "Name a file or a pattern such as 'load/*.yml'."};
  }
  Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  Search search(std::move(parts));
  if (fd) search.look(std::move(fd), {}, 0, 0);
  if (search.too_large()) {
    return Error{
        Error::Kind::too_large,
        fmt::format("{} searches more than {} files.", cupola::quoted(pattern), most_entries),
        "Name the folder that holds the files to include."};
  }
  return search.take_found();
}

}  // namespace cupola::meltano
