#include "deploy/tree_digest.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/files.h"
#include "base/text.h"
#include "deploy/requirement.h"

namespace cupola::deploy {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t largest_requirements = 1 << 20;

bool is_outside(const fs::path& relative) {
  return relative.is_absolute() || relative.empty() || *relative.begin() == "..";
}

Error outside(const fs::path& path) {
  return {Error::Kind::invalid,
          fmt::format("{} is not inside the repository.", cupola::quoted(path.string())),
          "Name a path below the repository's root."};
}

Result<void> add_file(Sha256& sum, const fs::path& root, const fs::path& path) {
  const auto file = open_beneath(root, path);
  if (!file) return file.error();
  std::vector<char> buffer(256 * 1024);
  while (true) {
    const ssize_t count = ::read(file->get(), buffer.data(), buffer.size());
    if (count < 0)
      throw Failure("cannot read " + (root / path).string() + ": " + system_text(errno));
    if (count == 0) return {};
    sum.add({buffer.data(), static_cast<std::size_t>(count)});
  }
}

Result<void> add_tree(Sha256& sum, const fs::path& root, const fs::path& top) {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::recursive_directory_iterator((root / top).lexically_normal())) {
    paths.push_back(entry.path().lexically_relative(root));
  }
  std::sort(paths.begin(), paths.end());
  for (const fs::path& path : paths) {
    const auto status = fs::symlink_status(root / path);
    const std::string name = path.lexically_relative(top).string();
    if (fs::is_symlink(status)) {
      sum.add(fmt::format("link {} {}\n", name, fs::read_symlink(root / path).string()));
    } else if (fs::is_directory(status)) {
      sum.add(fmt::format("folder {}\n", name));
    } else {
      const bool executable = (status.permissions() & fs::perms::owner_exec) != fs::perms::none;
      sum.add(fmt::format("{} {} {}\n", executable ? "program" : "file", name,
                          fs::file_size(root / path)));
      if (auto added = add_file(sum, root, path); !added) return added;
    }
  }
  return {};
}

/// Whether the build of a project may read what lies beside it.
bool names_neighbours(const fs::path& root, const fs::path& top) {
  for (const char* name : {"pyproject.toml", "setup.py", "setup.cfg"}) {
    const auto text = read_file_beneath(root, top / name, largest_requirements);
    if (text &&
        (text->find("..") != std::string::npos || text->find("file:") != std::string::npos)) {
      return true;
    }
  }
  return false;
}

}  // namespace

Result<std::string> tree_digest(const fs::path& root, const fs::path& given) {
  fs::path path = given.lexically_normal();
  if (path.filename().empty()) path = path.parent_path();
  if (is_outside(path)) return outside(given);
  // Every step on the way must be a plain folder.
  fs::path step;
  for (const fs::path& part : path) {
    step /= part;
    std::error_code error;
    const auto status = fs::symlink_status(root / step, error);
    if (!fs::exists(status)) {
      return Error{Error::Kind::not_found,
                   fmt::format("There is no {} in the repository.", cupola::quoted(given.string())),
                   "Commit it, or correct the path."};
    }
    if (fs::is_symlink(status)) {
      return Error{Error::Kind::invalid,
                   fmt::format("{} is a symbolic link.", cupola::quoted(step.string())),
                   "Name the folder that it leads to."};
    }
  }
  Sha256 sum;
  if (fs::is_directory(root / path)) {
    const bool all = names_neighbours(root, path);
    if (all) sum.add(fmt::format("{} in all of\n", path.string()));
    if (auto added = add_tree(sum, root, all ? "." : path); !added) return added.error();
  } else {
    sum.add("file\n");
    if (auto added = add_file(sum, root, path); !added) return added.error();
  }
  return sum.hex();
}

Result<std::string> requirements_digest(const fs::path& root, const fs::path& given, int depth) {
  const fs::path path = given.lexically_normal();
  if (is_outside(path)) return outside(given);
  const auto text = read_file_beneath(root, path, largest_requirements);
  if (!text) {
    return Error{text.error().kind,
                 fmt::format("The requirements file {} cannot be read: {}",
                             cupola::quoted(given.string()), text.error().message),
                 "Commit it as a plain file, or correct the path."};
  }
  Sha256 sum;
  sum.add(*text);
  if (depth == 0) return sum.hex();
  for (const std::string_view raw : split(*text, '\n')) {
    const std::string_view line = trim(raw.substr(0, raw.find(" #")));
    if (line.empty() || line.starts_with('#')) continue;
    const auto requirement = parse_requirement(line);
    if (!requirement) continue;
    for (const auto& file : requirement->files) {
      if (auto inner = requirements_digest(root, path.parent_path() / file, depth - 1)) {
        sum.add(*inner);
      }
    }
    for (const auto& local : requirement->local) {
      if (auto inner = tree_digest(root, path.parent_path() / local)) sum.add(*inner);
    }
  }
  return sum.hex();
}

}  // namespace cupola::deploy
