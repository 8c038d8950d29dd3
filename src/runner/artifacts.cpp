#include "runner/artifacts.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <optional>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/text.h"
#include "runner/folder.h"
#include "runner/glob.h"

namespace cupola::runner {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_entries = 200'000;  ///< that are looked at
constexpr int deepest = 40;
constexpr std::size_t longest_path = 1000;
constexpr std::size_t most_faults = 20;  ///< files that are told though they are not kept

/// A file of the run: in which folder it is found, and under which name there.
struct Source {
  fs::path root;  ///< that no run can replace
  fs::path path;  ///< in it
};
/// By its path in the project's directory.
using Sources = std::map<std::string, Source>;

bool is_wanted(const store::ReleaseContent& content, const std::string& path) {
  return path.size() <= longest_path && is_utf8(path) && printable(path) == path &&
         std::any_of(content.artifacts.begin(), content.artifacts.end(),
                     [&](const std::string& glob) { return matches_glob(glob, path); });
}

/// Whether the run left it as the checkout has it; where there is no overlay all of that is copied.
bool is_of_checkout(const fs::path& file, const fs::path& original) {
  struct ::stat left {};
  struct ::stat was {};
  return ::lstat(file.c_str(), &left) == 0 && ::lstat(original.c_str(), &was) == 0 &&
         left.st_size == was.st_size && left.st_mtim.tv_sec == was.st_mtim.tv_sec &&
         left.st_mtim.tv_nsec == was.st_mtim.tv_nsec;
}

/// Adds the files below `root / start` that are wanted; `name` gives a file's path in the project.
template <typename Name>
void find(const fs::path& root, const store::ReleaseContent& content, Name name, Sources& found) {
  std::error_code error;
  std::size_t entries = 0;
  fs::recursive_directory_iterator it(root, fs::directory_options::skip_permission_denied, error);
  for (; !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    if (++entries > most_entries) return;
    if (it.depth() >= deepest) it.disable_recursion_pending();
    const fs::path relative = it->path().lexically_relative(root);
    const std::optional<std::string> path = name(relative);
    if (!path) {
      it.disable_recursion_pending();
      continue;
    }
    if (path->empty() || it->is_symlink(error) || !it->is_regular_file(error)) continue;
    if (is_wanted(content, *path)) found.emplace(*path, Source{root, relative});
  }
}

/// The path below the project's directory; empty on the way there, nothing beside it.
std::optional<std::string> in_project(const fs::path& directory, const fs::path& relative) {
  auto part = relative.begin();
  for (const fs::path& wanted : directory) {
    if (wanted == ".") continue;
    if (part == relative.end()) return "";
    if (*part++ != wanted) return std::nullopt;
  }
  fs::path rest;
  for (; part != relative.end(); ++part) rest /= *part;
  if (!rest.empty() && *rest.begin() == ".meltano") return std::nullopt;
  return rest.string();
}

Sources find_all(const Home& home, const store::Run& run, const store::ReleaseContent& content) {
  Sources found;
  const fs::path directory = fs::path(content.directory).lexically_normal();
  const fs::path own = own_layer(home, run.id);
  find(
      own, content, [&](const fs::path& relative) { return in_project(directory, relative); },
      found);
  if (run.release) {
    const fs::path checkout = home.checkout(*run.release);
    std::erase_if(found, [&](const auto& item) {
      return is_of_checkout(own / item.second.path, checkout / item.second.path);
    });
  }
  for (const std::string& persisted : content.persist) {
    find(
        persisted_folder(home, run.deployment, persisted), content,
        [&](const fs::path& relative) {
          return std::optional<std::string>((fs::path(persisted) / relative).string());
        },
        found);
  }
  return found;
}

std::string system_fault(std::string_view what) {
  return fmt::format("{}: {}", what, system_text(errno));
}

/// Gives why it could not be copied; nothing when it was.
std::optional<std::string> copy(int from, const fs::path& to, std::int64_t size) {
  std::error_code error;
  fs::create_directories(to.parent_path(), error);
  if (error) return "its folder cannot be made: " + error.message();
  const Fd out(::open(to.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!out) return system_fault("it cannot be written");
  std::array<char, 64u << 10> buffer{};
  while (size > 0) {
    const auto wanted = std::min<std::size_t>(buffer.size(), static_cast<std::size_t>(size));
    const ssize_t count = ::read(from, buffer.data(), wanted);
    if (count < 0) return system_fault("it cannot be read");
    if (count == 0) return "it became shorter while it was copied";
    for (ssize_t done = 0; done < count;) {
      const ssize_t written =
          ::write(out.get(), buffer.data() + done, static_cast<std::size_t>(count - done));
      if (written < 0) return system_fault("it cannot be written");
      done += written;
    }
    size -= count;
  }
  if (::fsync(out.get()) != 0) return system_fault("it cannot be written");
  return std::nullopt;
}

}  // namespace

std::vector<store::Artifact> copy_artifacts(const Home& home, const store::Run& run,
                                            const store::ReleaseContent& content,
                                            std::int64_t lease_token) {
  std::vector<store::Artifact> artifacts;
  if (content.artifacts.empty()) return artifacts;
  const fs::path place = home.artifacts(run.id) / fmt::format("{}", lease_token);
  std::size_t kept = 0;
  std::size_t faults = 0;
  std::int64_t bytes = 0;
  for (const auto& [path, source] : find_all(home, run, content)) {
    store::Artifact artifact{.path = path, .lease_token = lease_token};
    const auto file = open_beneath(source.root, source.path);
    struct ::stat info {};
    if (!file || ::fstat(file->get(), &info) != 0) {
      artifact.fault = "it cannot be opened";
    } else {
      artifact.bytes = info.st_size;
      if (kept == most_artifacts) {
        artifact.fault = fmt::format("a run keeps {} files at most", most_artifacts);
      } else if (bytes + artifact.bytes > most_artifact_bytes) {
        artifact.fault = fmt::format("a run keeps {} MiB at most", most_artifact_bytes >> 20);
      } else {
        artifact.fault = copy(file->get(), place / path, artifact.bytes);
      }
    }
    if (artifact.fault) {
      std::error_code ignored;
      fs::remove(place / path, ignored);
      if (++faults > most_faults) continue;
    } else {
      ++kept;
      bytes += artifact.bytes;
    }
    artifacts.push_back(std::move(artifact));
  }
  return artifacts;
}

void settle_artifacts(const Home& home, const RunId& run, std::int64_t lease_token, bool are_kept) {
  const std::string own = fmt::format("{}", lease_token);
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(home.artifacts(run), error)) {
    if ((entry.path().filename() == own) != are_kept) remove_tree(entry.path());
  }
}

}  // namespace cupola::runner
