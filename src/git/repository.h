#pragma once

/// Repositories, by running the `git` program: a bare mirror of each, from which the trees of
/// commits are written out.
///
/// Nothing of the machine or the repository decides what git does: system and user configuration,
/// hooks, templates, filters (LFS too), file-system monitors and submodules are off, only https,
/// ssh and (when allowed) local paths are spoken, redirects are not followed, and nobody is ever
/// asked for a password. Words of git in messages never hold credentials.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/outcome.h"
#include "base/secret.h"
#include "base/time.h"

namespace cupola::git {

struct Options {
  /// Where git finds what is the server's: `ssh/known_hosts` (hosts are remembered at the first
  /// visit) and, if the operator put some there, private keys `ssh/id_*`.
  std::filesystem::path home;
  bool allow_local = false;
  std::chrono::milliseconds timeout{std::chrono::minutes{10}};  ///< of one git command
  std::int64_t most_bytes = std::int64_t{4} << 30;  ///< of one fetch, and of one tree written out
  std::int64_t most_files = 200'000;                ///< of one tree
};

/// Who asks: over https with a password, over ssh with a key. Empty: nobody, or the server's own
/// keys.
struct Access {
  std::string user;  ///< "x-access-token" when empty
  Secret password;
  Secret ssh_key;  ///< a private key as ssh-keygen writes it, without a passphrase
};

struct Exported {
  std::int64_t files = 0;
  std::int64_t bytes = 0;
  std::int64_t submodules = 0;  ///< left out: empty folders stand in their place
};

/// The mirror of one repository. Calls for the same mirror, also from other processes, wait for
/// one another where they must. A process killed in any of them leaves nothing that the next one
/// trips over.
class Repository {
 public:
  /// `mirror` need not exist; `url` and revisions are those that `check_url` and `check_revision`
  /// gave.
  Repository(std::filesystem::path mirror, std::string url, Options options, Access access = {});

  /// Fetches what `revision` names now, a branch before a tag, and gives its commit. A commit that
  /// the mirror has is not asked for. Only that commit's tree is transferred, without history, and
  /// of it what the mirror lacks.
  ///
  /// Errors, each with another message and hint: not_found (no such repository; no such revision),
  /// forbidden (no rights), unavailable (host not found, no connection, time-out, disk full, git
  /// is not installed), too_large.
  Result<std::string> fetch(std::string_view revision, const std::stop_token& stop = {}) const;

  /// Whether the mirror holds the commit.
  bool has(std::string_view commit) const;

  /// When the commit was made; not_found when the mirror lacks it.
  Result<Instant> commit_time(std::string_view commit) const;

  /// The id of the file or folder at `path` ("." for all) in the tree of a commit that the mirror
  /// has; empty when there is none. Equal ids: names, content and executable bits are equal.
  Result<std::string> object_at(std::string_view commit, std::string_view path) const;

  /// Writes the commit's tree to `folder`, which must be absent or empty. Links stay links, the
  /// time of every file and folder is the commit's, and permissions are 0666 or 0777 for all: a
  /// run works on it through a layer of its own, and may be any user there. Errors: not_found,
  /// too_large (more files or bytes than the options allow), unavailable.
  Result<Exported> export_tree(std::string_view commit, const std::filesystem::path& folder,
                               const std::stop_token& stop = {}) const;

  /// The commits that were fetched and not forgotten.
  std::vector<std::string> kept() const;
  /// Lets go of a commit: the next `tidy` may remove it.
  void forget(std::string_view commit) const;
  /// Removes what no kept commit needs and packs the rest. Best effort.
  void tidy() const;

  /// Asks the host whether `access` may read the repository; nothing is fetched. A host that is
  /// asked over ssh is known from then on. Errors as those of `fetch`.
  static Result<void> visit(const Options& options, const std::string& url, const Access& access,
                            const std::stop_token& stop = {});

  /// "git version 2.39.5", or the Error that says what to install.
  static Result<std::string> version(const Options& options);

 private:
  std::filesystem::path mirror_;
  std::string url_;
  Options options_;
  Access access_;
};

}  // namespace cupola::git
