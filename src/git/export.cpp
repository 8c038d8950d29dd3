/// Writing the tree of a commit to a folder.

#include <cerrno>
#include <charconv>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/files.h"
#include "base/text.h"
#include "git/address.h"
#include "git/command.h"
#include "git/complaint.h"
#include "git/repository.h"

namespace cupola::git {
namespace {

namespace fs = std::filesystem;

/// Adds one line "mode size" of ls-tree.
void count(Exported& sum, std::string_view line) {
  if (line.starts_with("160000")) {
    ++sum.submodules;
    return;
  }
  ++sum.files;
  const std::string_view size = trim(line.substr(std::min<std::size_t>(7, line.size())));
  std::int64_t bytes = 0;
  std::from_chars(size.data(), size.data() + size.size(), bytes);
  sum.bytes += bytes;
}

/// Gives every file and folder its permissions and the commit's time, folders after what they
/// hold.
void set_attributes(const fs::path& folder, Instant time) {
  const timespec stamp{to_milliseconds(time) / 1000, 0};
  const timespec both[2] = {stamp, stamp};
  std::vector<fs::path> folders = {folder};
  for (auto entry = fs::recursive_directory_iterator(folder);
       entry != fs::recursive_directory_iterator(); ++entry) {
    const bool link = entry->is_symlink();
    if (!link && entry->is_directory()) {
      folders.push_back(entry->path());
      continue;
    }
    if (!link) {
      const auto mode = entry->status().permissions() & fs::perms::owner_exec;
      ::chmod(entry->path().c_str(), mode == fs::perms::none ? 0666 : 0777);
    }
    ::utimensat(AT_FDCWD, entry->path().c_str(), both, AT_SYMLINK_NOFOLLOW);
  }
  for (auto path = folders.rbegin(); path != folders.rend(); ++path) {
    ::chmod(path->c_str(), 0777);
    ::utimensat(AT_FDCWD, path->c_str(), both, 0);
  }
}

/// git does not say why it cannot write a file.
bool is_full(const fs::path& folder, std::int64_t needed) {
  struct ::statvfs status {};
  if (::statvfs(folder.c_str(), &status) != 0) return false;
  return static_cast<double>(status.f_bavail) * static_cast<double>(status.f_frsize) <
         static_cast<double>(needed);
}

}  // namespace

Result<Exported> Repository::export_tree(std::string_view commit, const fs::path& folder,
                                         const std::stop_token& stop) const {
  const auto time = commit_time(commit);
  if (!time) return time.error();
  const fs::path settings = write_settings(mirror_.parent_path(), options_.allow_local);
  const std::string id(commit);
  const std::string mirror = "--git-dir=" + mirror_.string();

  Exported sum;
  std::stop_source enough;
  const std::stop_callback forward(stop, [&] { enough.request_stop(); });
  const auto over = [&] {
    return sum.files > options_.most_files || sum.bytes > options_.most_bytes;
  };
  Call list;
  list.args = {mirror, "ls-tree", "-r", "--format=%(objectmode) %(objectsize)", "--end-of-options",
               id};
  list.folder = mirror_;
  list.on_line = [&](std::string_view line) {
    if (over()) {
      enough.request_stop();
    } else {
      count(sum, line);
    }
  };
  const auto listed = git::run(options_, settings, list, enough.get_token());
  if (!listed) return listed.error();
  if (over()) {
    return Error{Error::Kind::too_large,
                 fmt::format("The commit {} has more than {} files or {} MiB.", id,
                             options_.most_files, options_.most_bytes >> 20),
                 "Keep data and build output out of the repository."};
  }
  if (!listed->exit.ok()) return to_error(Complaint::other, url_, listed->err, access_);

  make_folder(folder);
  const fs::path index = fs::path(folder).concat(".index");
  const auto step = [&](std::vector<std::string> args) -> Result<void> {
    Call call;
    call.args = {mirror, "--work-tree=" + folder.string()};
    call.args.insert(call.args.end(), args.begin(), args.end());
    call.env = {{"GIT_INDEX_FILE", index.string()}};
    call.folder = folder;
    const auto done = git::run(options_, settings, call, stop);
    if (!done) return done.error();
    if (done->exit.ok()) return {};
    Complaint complaint = classify(done->err);
    if (complaint == Complaint::other && is_full(folder, sum.bytes)) {
      complaint = Complaint::disk_full;
    }
    return to_error(complaint, url_, done->err, access_);
  };
  auto written = step({"read-tree", "--end-of-options", id});
  if (written) written = step({"checkout-index", "--all", "--force", "--quiet"});
  std::error_code ignored;
  fs::remove(index, ignored);
  fs::remove(fs::path(index).concat(".lock"), ignored);
  if (!written) return written.error();
  set_attributes(folder, *time);
  return sum;
}

}  // namespace cupola::git
