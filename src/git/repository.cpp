#include "git/repository.h"

#include <charconv>

#include <fmt/format.h>

#include "base/digest.h"
#include "base/file_lock.h"
#include "base/files.h"
#include "base/log.h"
#include "base/text.h"
#include "git/address.h"
#include "git/command.h"
#include "git/complaint.h"

namespace cupola::git {
namespace {

namespace fs = std::filesystem;

/// A process that was killed leaves these; the mirror's own lock says that nobody uses them.
void remove_stale_locks(const fs::path& mirror) {
  std::error_code ignored;
  for (const char* name : {"shallow.lock", "packed-refs.lock", "config.lock", "HEAD.lock"}) {
    fs::remove(mirror / name, ignored);
  }
  for (const auto& entry : fs::recursive_directory_iterator(mirror / "refs", ignored)) {
    if (entry.path().extension() == ".lock") fs::remove(entry.path(), ignored);
  }
  for (const auto& entry : fs::directory_iterator(mirror / "objects" / "pack", ignored)) {
    if (entry.path().filename().string().starts_with("tmp_")) fs::remove(entry.path(), ignored);
  }
}

Error stopped() {
  return {Error::Kind::unavailable, "The server stopped while git was at work.",
          "It goes on when the server is back."};
}

std::string kept_ref(std::string_view commit) {
  return fmt::format("refs/cupola/commits/{}", commit);
}

/// Where the mirror keeps what was last fetched as `source`: a name of ours, as names of the host
/// may stand in each other's way.
std::string fetched_ref(std::string_view source) {
  return fmt::format("refs/cupola/fetched/{}", sha256_hex(source).substr(0, 16));
}

/// One mirror under its lock, with the commands that the public functions are made of.
class Mirror {
 public:
  Mirror(const fs::path& folder, const std::string& url, const Options& options,
         const Access& access)
      : folder_(folder),
        url_(url),
        options_(options),
        access_(access),
        settings_(write_settings(folder.parent_path(), options.allow_local)) {}

  Result<process::Output> run(std::vector<std::string> args, const std::stop_token& stop,
                              bool speaks_to_host = false) const {
    Call call;
    call.args = {"--git-dir=" + folder_.string()};
    call.args.insert(call.args.end(), args.begin(), args.end());
    call.folder = folder_;
    if (speaks_to_host) call.access = &access_;
    return git::run(options_, settings_, call, stop);
  }

  Result<void> make(const std::stop_token& stop) const {
    if (fs::exists(folder_ / "HEAD")) return {};
    // Made beside its place and moved there whole, so that a mirror that is there is complete.
    const fs::path temporary = fs::path(folder_).concat(".new");
    remove_tree(temporary);
    remove_tree(folder_);
    Call call;
    call.args = {"init",        "--quiet",          "--bare",
                 "--template=", "--end-of-options", temporary.string()};
    const auto made = git::run(options_, settings_, call, stop);
    if (!made) return made.error();
    if (!made->exit.ok()) return to_error(classify(made->err), url_, made->err, access_);
    fs::rename(temporary, folder_);
    return {};
  }

  /// Fetches one ref or commit of the host, without history, and gives the commit.
  Result<std::string> fetch(const std::string& source, const std::stop_token& stop) const {
    const std::string target = fetched_ref(source);
    const auto fetched =
        run({"fetch", "--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules",
             "--no-write-fetch-head", "--no-auto-maintenance", "--update-shallow",
             "--end-of-options", url_, fmt::format("+{}:{}", source, target)},
            stop, true);
    if (!fetched) return fetched.error();
    if (fetched->exit.stopped) return stopped();
    if (!fetched->exit.ok()) {
      failure_ = classify(fetched->err);
      return to_error(failure_, url_, fetched->err, access_);
    }
    const auto named =
        run({"rev-parse", "--verify", "--quiet", "--end-of-options", target + "^{commit}"}, stop);
    if (!named) return named.error();
    const std::string commit(trim(named->out));
    if (!is_commit(commit)) {
      failure_ = Complaint::other;
      return Error{Error::Kind::invalid,
                   fmt::format("{} in {} is no commit.", cupola::quoted(source),
                               cupola::quoted(without_credentials(url_))),
                   "Name a branch, a tag of a commit, or a commit."};
    }
    const auto kept = run({"update-ref", kept_ref(commit), commit}, stop);
    if (!kept) return kept.error();
    return commit;
  }

  /// Some branches of the host, for a hint.
  std::string branches(const std::stop_token& stop) const {
    const auto listed = run({"ls-remote", "--heads", "--end-of-options", url_}, stop, true);
    if (!listed || !listed->exit.ok()) return "";
    std::vector<std::string> names;
    for (const auto line : split(listed->out, '\n')) {
      const auto at = line.find("refs/heads/");
      if (at == std::string_view::npos || names.size() == 10) continue;
      names.emplace_back(printable(line.substr(at + 11)));
    }
    return join(names, ", ");
  }

  Complaint failure() const { return failure_; }

 private:
  const fs::path& folder_;
  const std::string& url_;
  const Options& options_;
  const Access& access_;
  fs::path settings_;
  mutable Complaint failure_ = Complaint::other;
};

}  // namespace

Repository::Repository(fs::path mirror, std::string url, Options options, Access access)
    : mirror_(std::move(mirror)),
      url_(std::move(url)),
      options_(std::move(options)),
      access_(std::move(access)) {}

Result<std::string> Repository::fetch(std::string_view revision,
                                      const std::stop_token& stop) const {
  make_folder(mirror_.parent_path());
  make_folder(options_.home / "ssh", 0700);
  const auto lock = FileLock::take(fs::path(mirror_).concat(".lock"), stop);
  if (!lock) return stopped();
  const Mirror mirror(mirror_, url_, options_, access_);
  if (auto made = mirror.make(stop); !made) return made.error();
  remove_stale_locks(mirror_);

  if (is_commit(revision)) {
    if (has(revision)) return std::string(revision);
    return mirror.fetch(std::string(revision), stop);
  }
  Error error;
  for (const std::string_view kind : {"refs/heads/", "refs/tags/"}) {
    auto commit = mirror.fetch(fmt::format("{}{}", kind, revision), stop);
    if (commit || mirror.failure() != Complaint::missing_revision) return commit;
    error = commit.error();
  }
  error.message = fmt::format("The repository {} has no branch or tag {}.",
                              cupola::quoted(without_credentials(url_)), cupola::quoted(revision));
  if (const std::string known = mirror.branches(stop); !known.empty()) {
    error.hint =
        fmt::format("It has the branches {}. A commit is given by all its 40 digits.", known);
  }
  return error;
}

bool Repository::has(std::string_view commit) const {
  if (!is_commit(commit) || !fs::exists(mirror_ / "HEAD")) return false;
  const Mirror mirror(mirror_, url_, options_, access_);
  // Through the ref: it is set only when all that the commit needs is here.
  const auto found =
      mirror.run({"rev-parse", "--verify", "--quiet", "--end-of-options", kept_ref(commit)}, {});
  return found && found->exit.ok();
}

Result<Instant> Repository::commit_time(std::string_view commit) const {
  const Mirror mirror(mirror_, url_, options_, access_);
  // Not `git show`: it compares trees, and a tree can unfold without end.
  const auto shown = mirror.run({"rev-list", "--max-count=1", "--no-commit-header", "--format=%ct",
                                 "--end-of-options", std::string(commit)},
                                {});
  if (!shown) return shown.error();
  const auto text = trim(shown->out);
  std::int64_t seconds = 0;
  const auto end = text.data() + text.size();
  if (!shown->exit.ok() || std::from_chars(text.data(), end, seconds).ptr != end || text.empty()) {
    return Error{Error::Kind::not_found,
                 fmt::format("The commit {} is not in the mirror of {}.", commit,
                             cupola::quoted(without_credentials(url_))),
                 "Deploy again; the commit is fetched then."};
  }
  return Instant{std::chrono::seconds{seconds}};
}

Result<std::string> Repository::object_at(std::string_view commit, std::string_view path) const {
  const Mirror mirror(mirror_, url_, options_, access_);
  const std::string name =
      path == "." ? fmt::format("{}^{{tree}}", commit) : fmt::format("{}:{}", commit, path);
  const auto found = mirror.run({"rev-parse", "--verify", "--quiet", "--end-of-options", name}, {});
  if (!found) return found.error();
  return found->exit.ok() ? std::string(trim(found->out)) : std::string();
}

std::vector<std::string> Repository::kept() const {
  std::vector<std::string> commits;
  if (!fs::exists(mirror_ / "HEAD")) return commits;
  const Mirror mirror(mirror_, url_, options_, access_);
  const auto listed = mirror.run({"for-each-ref", "--format=%(objectname)", kept_ref("")}, {});
  if (!listed || !listed->exit.ok()) return commits;
  for (const auto line : split(listed->out, '\n')) {
    if (is_commit(line)) commits.emplace_back(line);
  }
  return commits;
}

void Repository::forget(std::string_view commit) const {
  if (!fs::exists(mirror_ / "HEAD") || !is_commit(commit)) return;
  const auto lock = FileLock::take(fs::path(mirror_).concat(".lock"));
  const Mirror mirror(mirror_, url_, options_, access_);
  for (const auto& ref : {kept_ref(commit), fetched_ref(commit)}) {
    const auto done = mirror.run({"update-ref", "-d", ref}, {});
    if (!done) log_warning("git: {}", to_text(done.error()));
  }
}

void Repository::tidy() const {
  if (!fs::exists(mirror_ / "HEAD")) return;
  const auto lock = FileLock::take(fs::path(mirror_).concat(".lock"));
  remove_stale_locks(mirror_);
  const Mirror mirror(mirror_, url_, options_, access_);
  const auto done = mirror.run({"gc", "--quiet", "--prune=now"}, {});
  if (!done) {
    log_warning("git: {}", to_text(done.error()));
  } else if (!done->exit.ok()) {
    log_warning("git: the mirror {} could not be tidied: {}", mirror_.string(),
                main_line(done->err));
  }
}

Result<void> Repository::visit(const Options& options, const std::string& url, const Access& access,
                               const std::stop_token& stop) {
  make_folder(options.home / "ssh", 0700);
  Call call;
  call.args = {"ls-remote", "--quiet", "--end-of-options", url, "HEAD"};
  call.folder = options.home;
  call.access = &access;
  const auto settings = write_settings(options.home / "repositories", options.allow_local);
  const auto asked = git::run(options, settings, call, stop);
  if (!asked) return asked.error();
  if (asked->exit.stopped) return stopped();
  if (!asked->exit.ok()) return to_error(classify(asked->err), url, asked->err, access);
  return {};
}

Result<std::string> Repository::version(const Options& options) {
  Call call;
  call.args = {"--version"};
  const auto output = git::run(options, "/dev/null", call);
  if (!output) return output.error();
  return std::string(trim(output->out));
}

}  // namespace cupola::git
