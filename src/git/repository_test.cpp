#include "git/repository.h"

#include <cstdlib>
#include <fstream>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/temp_folder.h"
#include "base/text.h"
#include "process/program.h"

namespace cupola::git {
namespace {

namespace fs = std::filesystem;

/// A repository made on the spot, and a mirror of it.
class RepositoryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(source);
    git({"init", "--quiet", "--initial-branch=main"});
    put("meltano.yml", "version: 1\n");
  }

  std::string git(std::vector<std::string> args) {
    process::Program program;
    program.argv = {"git", "-c", "user.name=Test", "-c", "user.email=test@example.com"};
    program.argv.insert(program.argv.end(), args.begin(), args.end());
    program.env = {{"PATH", std::getenv("PATH")},
                   {"HOME", root.string()},
                   {"GIT_CONFIG_NOSYSTEM", "1"},
                   {"GIT_COMMITTER_DATE", "2024-02-29T12:00:00Z"},
                   {"GIT_AUTHOR_DATE", "2024-02-29T12:00:00Z"}};
    program.folder = source;
    const auto output = process::run(program);
    EXPECT_TRUE(output && output->exit.ok()) << (output ? output->err : output.error().message);
    return output ? std::string(trim(output->out)) : "";
  }
  void put(const fs::path& path, std::string_view text) {
    fs::create_directories((source / path).parent_path());
    std::ofstream(source / path, std::ios::binary) << text;
  }
  std::string commit() {
    git({"add", "--all"});
    git({"commit", "--quiet", "--allow-empty", "-m", "change"});
    return git({"rev-parse", "HEAD"});
  }
  Options options() { return {.home = root / "home", .allow_local = true}; }
  Repository repository() { return repository(source.string(), options()); }
  Repository repository(std::string url, Options with) {
    return Repository(root / "mirrors" / "one.git", std::move(url), std::move(with));
  }
  std::string read(const fs::path& path) { return read_file(path, 1 << 20).value_or("(none)"); }

  const TempFolder folder{"cupola-git"};
  const fs::path& root = folder.path();
  const fs::path source = root / "source";
};

TEST_F(RepositoryTest, FetchFollowsABranchFromCommitToCommit) {
  const std::string first = commit();
  EXPECT_EQ(repository().fetch("main").value(), first);

  put("more.txt", "more");
  const std::string second = commit();
  EXPECT_EQ(repository().fetch("main").value(), second);

  git({"reset", "--quiet", "--hard", first});
  const std::string rewritten = (put("other.txt", "other"), commit());
  EXPECT_EQ(repository().fetch("main").value(), rewritten);
  EXPECT_TRUE(repository().has(first));
}

TEST_F(RepositoryTest, ResolvesTagsAndCommitsAndPrefersBranches) {
  const std::string first = commit();
  git({"tag", "v1"});
  git({"tag", "-a", "v1-noted", "-m", "noted"});
  put("more.txt", "more");
  const std::string second = commit();
  git({"branch", "v1-noted"});
  git({"branch", "deep/er"});

  EXPECT_EQ(repository().fetch("v1").value(), first);
  EXPECT_EQ(repository().fetch("v1-noted").value(), second);
  EXPECT_EQ(repository().fetch("deep/er").value(), second);
  EXPECT_EQ(repository().fetch(first).value(), first);
}

TEST_F(RepositoryTest, FetchesACommitThatNoMirrorHasYet) {
  const std::string first = commit();
  put("more.txt", "more");
  commit();

  EXPECT_EQ(repository().fetch(first).value(), first);
  EXPECT_TRUE(repository().has(first));
}

TEST_F(RepositoryTest, SaysWhatIsMissing) {
  commit();
  const auto revision = repository().fetch("none");
  const auto repository_ = repository((root / "nowhere").string(), options()).fetch("main");
  const auto known = repository().fetch(std::string(40, '1'));

  ASSERT_FALSE(revision);
  EXPECT_EQ(revision.error().kind, Error::Kind::not_found);
  EXPECT_NE(revision.error().message.find("no branch or tag 'none'"), std::string::npos);
  EXPECT_NE(revision.error().hint.find("main"), std::string::npos);
  ASSERT_FALSE(repository_);
  EXPECT_NE(repository_.error().message.find("no git repository"), std::string::npos);
  ASSERT_FALSE(known);
  EXPECT_NE(known.error().message.find("no such revision"), std::string::npos);
}

TEST_F(RepositoryTest, SaysWhenNobodyAnswers) {
  const auto refused = repository("https://localhost:1/a.git", options()).fetch("main");

  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, Error::Kind::unavailable);
  EXPECT_NE(refused.error().message.find("could not be reached"), std::string::npos)
      << refused.error().message;
}

TEST_F(RepositoryTest, SpeaksNoOtherProtocolThanAllowed) {
  commit();
  Options closed = options();
  closed.allow_local = false;

  EXPECT_FALSE(repository(source.string(), closed).fetch("main"));
  EXPECT_FALSE(repository("ext::touch " + (root / "bad").string(), options()).fetch("main"));
  EXPECT_FALSE(fs::exists(root / "bad"));
}

TEST_F(RepositoryTest, ExportWritesTheTreeWithTheCommitsTime) {
  put("transform/models/a.sql", "select 1");
  put("run.sh", "#!/bin/sh\n");
  fs::permissions(source / "run.sh", fs::perms::owner_all);
  fs::create_symlink("transform/models", source / "models");
  fs::create_symlink("/etc", source / "outside");
  const std::string id = commit();
  ASSERT_TRUE(repository().fetch("main"));

  const auto sum = repository().export_tree(id, root / "tree");

  ASSERT_TRUE(sum) << sum.error().message;
  EXPECT_EQ(sum->files, 5);
  EXPECT_EQ(read(root / "tree/transform/models/a.sql"), "select 1");
  EXPECT_EQ(fs::read_symlink(root / "tree/models"), "transform/models");
  EXPECT_EQ(fs::read_symlink(root / "tree/outside"), "/etc");
  struct stat info {};
  for (const char* name : {"tree", "tree/transform", "tree/meltano.yml", "tree/models"}) {
    ASSERT_EQ(::lstat((root / name).c_str(), &info), 0);
    EXPECT_EQ(info.st_mtime, 1709208000) << name;
  }
  ASSERT_EQ(::stat((root / "tree/run.sh").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777u, 0777u);
  EXPECT_FALSE(fs::exists(root / "tree/.git"));
  EXPECT_FALSE(fs::exists(root / "tree.index"));
}

TEST_F(RepositoryTest, NothingInTheRepositoryRuns) {
  const std::string mark = (root / "ran").string();
  put(".gitattributes", "*.txt filter=evil\n*.big filter=lfs\n");
  put("a.txt", "as it is");
  put("b.big", "version https://git-lfs.github.com/spec/v1\n");
  put(".gitmodules",
      "[submodule \"x\"]\n\tpath = x\n\turl = -bad\n\tupdate = !touch " + mark + "\n");
  put(".lfsconfig", "[lfs]\n\turl = https://example.com\n");
  const std::string id = commit();
  // What the machine and the user have set up counts neither.
  fs::create_directories(root / "home");
  std::ofstream(root / "home/.gitconfig")
      << "[filter \"evil\"]\n\tsmudge = touch " << mark << "\n[core]\n\tfsmonitor = touch " << mark
      << "\n\thooksPath = " << (root / "hooks").string() << "\n";

  ASSERT_TRUE(repository().fetch("main"));
  const auto sum = repository().export_tree(id, root / "tree");

  ASSERT_TRUE(sum) << sum.error().message;
  EXPECT_EQ(read(root / "tree/a.txt"), "as it is");
  EXPECT_EQ(read(root / "tree/b.big"), "version https://git-lfs.github.com/spec/v1\n");
  EXPECT_FALSE(fs::exists(mark));
}

TEST_F(RepositoryTest, SubmodulesAreCountedAndLeftOut) {
  const std::string inner = commit();
  git({"update-index", "--add", "--cacheinfo", "160000," + inner + ",vendor/inner"});
  git({"commit", "--quiet", "-m", "submodule"});
  const std::string id = repository().fetch("main").value();

  const auto sum = repository().export_tree(id, root / "tree");

  ASSERT_TRUE(sum) << sum.error().message;
  EXPECT_EQ(sum->submodules, 1);
  EXPECT_EQ(sum->files, 1);
}

TEST_F(RepositoryTest, LimitsHoldBeforeFilesAreWritten) {
  for (int i = 0; i < 20; ++i) put(fmt::format("f{}", i), "x");
  put("large", std::string(3 << 20, 'x'));
  const std::string id = commit();
  ASSERT_TRUE(repository().fetch("main"));
  Options few = options();
  few.most_files = 10;
  Options small = options();
  small.most_bytes = 1 << 20;

  for (const Options& limits : {few, small}) {
    const auto sum = repository(source.string(), limits).export_tree(id, root / "tree");
    ASSERT_FALSE(sum);
    EXPECT_EQ(sum.error().kind, Error::Kind::too_large);
    EXPECT_FALSE(fs::exists(root / "tree"));
  }
}

TEST_F(RepositoryTest, AFetchBeyondTheLimitIsCut) {
  std::string noise;
  for (unsigned i = 0, x = 7; i < (2u << 20); ++i)
    noise += static_cast<char>(x = x * 1103515245 + 12345, x >> 16);
  put("large", noise);
  commit();
  Options small = options();
  small.most_bytes = 1 << 20;

  const auto cut = repository(source.string(), small).fetch("main");

  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().kind, Error::Kind::too_large) << cut.error().message;
}

TEST_F(RepositoryTest, ATreeThatUnfoldsWithoutEndIsRefusedAtOnce) {
  // Ten folders that all are the same tree, ten levels deep: 10^10 files in twelve objects.
  put("f", "x");
  git({"add", "f"});
  git({"rm", "--quiet", "--cached", "f"});
  const std::string blob = git({"hash-object", "-w", "f"});
  fs::remove(source / "f");
  fs::remove(source / "meltano.yml");
  std::string tree;
  for (int level = 0; level < 10; ++level) {
    std::string list;
    for (int i = 0; i < 10; ++i) {
      list += level == 0 ? fmt::format("100644 blob {}\tn{}\n", blob, i)
                         : fmt::format("040000 tree {}\tn{}\n", tree, i);
    }
    std::ofstream(root / "list") << list;
    process::Program make{.argv = {"git", "mktree"},
                          .env = {{"PATH", std::getenv("PATH")}, {"HOME", root.string()}},
                          .folder = source};
    tree = std::string(trim(process::run(make, {}, list)->out));
  }
  const std::string id = git({"commit-tree", tree, "-m", "bomb"});
  git({"update-ref", "refs/heads/bomb", id});

  ASSERT_EQ(repository().fetch("bomb").value(), id);
  const auto sum = repository().export_tree(id, root / "tree");

  ASSERT_FALSE(sum);
  EXPECT_EQ(sum.error().kind, Error::Kind::too_large);
}

TEST_F(RepositoryTest, WhatAKilledProcessLeftIsNoObstacle) {
  const std::string id = commit();
  ASSERT_TRUE(repository().fetch("main"));
  const fs::path mirror = root / "mirrors" / "one.git";
  std::ofstream(mirror / "shallow.lock") << "";
  std::ofstream(mirror / "packed-refs.lock") << "";
  std::ofstream(mirror / "refs/cupola/commits" / (id + ".lock")) << "";
  for (const auto& entry : fs::directory_iterator(mirror / "refs/cupola/fetched")) {
    std::ofstream(entry.path().string() + ".lock") << "";
  }
  fs::create_directories(root / "mirrors" / "one.git.new");
  put("more.txt", "more");
  const std::string second = commit();

  EXPECT_EQ(repository().fetch("main").value(), second);
}

TEST_F(RepositoryTest, AHalfMadeMirrorIsMadeAgain) {
  const std::string id = commit();
  fs::create_directories(root / "mirrors" / "one.git" / "objects");

  EXPECT_EQ(repository().fetch("main").value(), id);
}

TEST_F(RepositoryTest, ForgottenCommitsAreTidiedAway) {
  const std::string first = commit();
  ASSERT_TRUE(repository().fetch("main"));
  git({"commit", "--quiet", "--amend", "-m", "another"});
  const std::string second = git({"rev-parse", "HEAD"});
  ASSERT_EQ(repository().fetch("main").value(), second);

  repository().forget(first);
  repository().tidy();

  EXPECT_FALSE(repository().has(first));
  EXPECT_EQ(repository().kept(), std::vector<std::string>{second});
  EXPECT_FALSE(repository().commit_time(first));
  EXPECT_TRUE(repository().has(second));
  EXPECT_TRUE(repository().export_tree(second, root / "tree"));
}

TEST_F(RepositoryTest, WithoutGitItSaysWhatToInstall) {
  const std::string path = std::getenv("PATH");
  ::setenv("PATH", (root / "nothing").c_str(), 1);
  const auto version = Repository::version(options());
  ::setenv("PATH", path.c_str(), 1);

  ASSERT_FALSE(version);
  EXPECT_NE(version.error().hint.find("apt install git"), std::string::npos);
}

}  // namespace
}  // namespace cupola::git
