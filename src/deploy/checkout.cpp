#include "deploy/checkout.h"

#include <fmt/format.h>

#include "base/crash_point.h"
#include "base/file_lock.h"
#include "base/files.h"
#include "deploy/flush.h"
#include "store/secret_names.h"

namespace cupola::deploy {

namespace fs = std::filesystem;

git::Repository repository_of(const Home& home, const Options& options,
                              const store::Project& project,
                              const std::map<std::string, Secret>& secrets) {
  git::Access access;
  if (const auto token = secrets.find("GIT_TOKEN"); token != secrets.end()) {
    access.password = token->second;
    if (const auto user = secrets.find("GIT_USERNAME"); user != secrets.end()) {
      access.user = user->second.reveal();
    }
  }
  if (const auto key = secrets.find(std::string(store::git_ssh_key_name)); key != secrets.end()) {
    access.ssh_key = key->second;
  }
  return git::Repository(home.repository(project.key), project.repository,
                         {.home = home.root(),
                          .allow_local = options.allow_local_repositories,
                          .timeout = options.git_timeout},
                         std::move(access));
}

Result<std::string> ensure_checkout(const Home& home, const git::Repository& repository,
                                    const ReleaseKey& release, const std::string& commit,
                                    const std::stop_token& stop) {
  const fs::path place = home.checkout(release);
  // A checkout is moved to its place when it is whole.
  if (fs::exists(place)) return std::string();
  // Runs reach it only through their sandbox; its files may be written by any user, so nobody else
  // may get here.
  make_folder(home.release(release), 0700);
  const auto lock = FileLock::take(home.release(release) / "lock", stop);
  if (!lock) {
    return Error{Error::Kind::unavailable, "The server stopped while a commit was checked out.",
                 "It goes on when the server is back."};
  }
  if (fs::exists(place)) return std::string();
  const fs::path temporary = fs::path(place).concat(".new");
  remove_tree(temporary);
  const auto exported = repository.export_tree(commit, temporary, stop);
  if (!exported) {
    remove_tree(temporary);
    return exported.error();
  }
  crash_point("checkout.written");
  // A name that outlives a power cut must not stand for files that did not.
  flush_to_disk(temporary);
  std::error_code error;
  fs::remove(built_mark(home, release), error);
  move_folder(temporary, place);
  crash_point("checkout.moved");
  return exported->submodules == 0
             ? std::string()
             : fmt::format("{} submodules are left out: their folders are empty",
                           exported->submodules);
}

fs::path built_mark(const Home& home, const ReleaseKey& release) {
  return home.release(release) / "built";
}

}  // namespace cupola::deploy
