#include "deploy/checkout.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include "base/files.h"
#include "base/temp_folder.h"
#include "process/program.h"

namespace {

/// What a sync of the file system found: whether the checkout was whole, and had its name already.
struct Seen {
  bool is_written = false;
  bool has_name = false;
};
std::filesystem::path watched;
std::optional<Seen> seen;

}  // namespace

/// In place of libc's, in this program.
extern "C" int syncfs(int fd) noexcept {
  if (!watched.empty()) {
    seen = Seen{.is_written = std::filesystem::exists(watched.string() + ".new/meltano.yml"),
                .has_name = std::filesystem::exists(watched)};
  }
  return static_cast<int>(::syscall(SYS_syncfs, fd));
}

namespace cupola::deploy {
namespace {

std::string run(std::vector<std::string> argv, const std::filesystem::path& folder) {
  const auto output =
      process::run({.argv = std::move(argv), .env = {{"PATH", "/usr/bin:/bin"}}, .folder = folder});
  EXPECT_TRUE(output && output->exit.ok());
  return output ? output->out.substr(0, output->out.find('\n')) : "";
}

TEST(CheckoutTest, Case07ItIsOnTheDiskBeforeItHasItsName) {
  const TempFolder folder("cupola-checkout");
  const std::filesystem::path& root = folder.path();
  const auto source = root / "source";
  make_folder(source);
  make_folder(root / "home");
  write_file(source / "meltano.yml", "version: 1\n");
  run({"git", "init", "--quiet", "--initial-branch=main"}, source);
  run({"git", "add", "."}, source);
  run({"git", "-c", "user.name=T", "-c", "user.email=t@example.com", "commit", "-qm", "c"}, source);
  const Home home(root / "home");
  const git::Repository repository(home.root() / "repositories" / "p.git", source.string(),
                                   {.home = home.root(), .allow_local = true}, {});
  const auto commit = repository.fetch("main", {});
  ASSERT_TRUE(commit) << to_text(commit.error());
  const ReleaseKey release("r");
  watched = home.checkout(release);

  const auto left_out = ensure_checkout(home, repository, release, *commit, {});
  watched.clear();

  ASSERT_TRUE(left_out) << to_text(left_out.error());
  EXPECT_TRUE(std::filesystem::exists(home.checkout(release) / "meltano.yml"));
  ASSERT_TRUE(seen) << "nothing brought it to the disk";
  EXPECT_TRUE(seen->is_written);
  EXPECT_FALSE(seen->has_name);
}

}  // namespace
}  // namespace cupola::deploy
