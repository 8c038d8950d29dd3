#include <algorithm>

#include <sys/stat.h>

#include "base/json.h"
#include "runner/artifacts.h"
#include "runner/runner_test.h"
#include "runner/upkeep.h"

namespace cupola::runner {
namespace {

TEST_F(RunnerTest, WhatIsPersistedIsTheNextRunsTooAndNeverRoots) {
  wait_for_end(start("keep"));
  const store::Run run = wait_for_end(start("keep"));
  ASSERT_EQ(run.status, store::RunStatus::succeeded) << run.cause.value_or("");

  const fs::path kept = home_.persisted(tenant_.deployment.key) / "output" / "kept";
  EXPECT_EQ(*read_file(kept, 100), "again\nagain\n");
  struct ::stat status {};
  ASSERT_EQ(::stat(kept.c_str(), &status), 0);
  const bool is_root = run.sandbox.value_or("").find("own uid") != std::string::npos;
  EXPECT_FALSE(is_root && status.st_uid == 0);
}

TEST_F(RunnerTest, ALinkThatARunLeftInAPersistedFolderLeadsNowhere) {
  const fs::path target = home_.root() / "not-for-runs";
  make_folder(target);
  fs::permissions(target, fs::perms::owner_all);
  ASSERT_EQ(wait_for_end(start("link", 1h, {{"HIDDEN", target}})).status,
            store::RunStatus::succeeded);
  change_content([](store::ReleaseContent& content) { content.persist = {"output/into"}; });

  const store::Run run = wait_for_end(start("load"));

  EXPECT_EQ(run.status, store::RunStatus::succeeded) << run.cause.value_or("");
  EXPECT_EQ(fs::status(target).permissions(), fs::perms::owner_all);
}

TEST_F(RunnerTest, FilesThatTheProjectAsksForAreKeptAndLinksLeadNowhere) {
  write_file(home_.root() / "secret", "not for runs");
  change_content([](store::ReleaseContent& content) {
    content.artifacts = {"target", "output/*.json", "elsewhere", "../outside.txt", "*.yml"};
  });

  const RunId id = start("leave", 1h, {{"HIDDEN", home_.root() / "secret"}, {"LEAVES", "3"}});
  ASSERT_EQ(wait_for_end(id).status, store::RunStatus::failed);

  const auto kept = artifacts_of(id);
  ASSERT_EQ(kept.size(), 3u);
  EXPECT_EQ(kept[0].path, "output/persisted.json");
  EXPECT_EQ(content_of(id, kept[0]), "p\n");
  EXPECT_EQ(kept[1].path, "target/deep/results.json");
  EXPECT_EQ(content_of(id, kept[1]), "r 1\n");
  EXPECT_EQ(kept[2].path, "target/manifest.json");
  EXPECT_EQ(kept[2].bytes, 2);
  for (const auto& artifact : kept) EXPECT_FALSE(artifact.fault) << *artifact.fault;

  clean_up(*db_, home_, {}, now() + 399 * 24h);
  EXPECT_TRUE(fs::exists(home_.artifacts(id)));
  clean_up(*db_, home_, {}, now() + 401 * 24h);
  EXPECT_FALSE(fs::exists(home_.artifacts(id)));
  EXPECT_TRUE(artifacts_of(id).empty());
}

TEST_F(RunnerTest, TheLastAttemptsFilesTakeThePlaceOfThoseBefore) {
  change_content([](store::ReleaseContent& content) { content.artifacts = {"target/**"}; });
  store::NewRun run = cupola::testing::new_run(tenant_, now());
  run.tasks = {"leave"};
  run.state_ids = {"prod:tap-to-target"};
  run.options.env = {{"HIDDEN", "/nowhere"}, {"LEAVES", "3"}};
  run.most_attempts = 2;
  run.retry_wait = 10ms;
  db_->write([&](db::Session& session) { store::add_run(session, run, now()); });
  runner_->wake();

  ASSERT_EQ(wait_for_end(run.id).status, store::RunStatus::succeeded);

  const auto kept = artifacts_of(run.id);
  ASSERT_EQ(kept.size(), 2u);
  EXPECT_EQ(content_of(run.id, kept[0]), "r 2\n");
  // They go after the end is on record.
  EXPECT_TRUE(comes_true([&] {
    return std::distance(fs::directory_iterator(home_.artifacts(run.id)), {}) == 1;
  })) << "those of the first attempt are gone";
}

TEST_F(RunnerTest, ARunKeepsSoManyFilesAndNoMore) {
  change_content([](store::ReleaseContent& content) { content.artifacts = {"target"}; });

  const RunId id = start("many");
  ASSERT_EQ(wait_for_end(id).status, store::RunStatus::succeeded);

  const auto told = artifacts_of(id);
  const auto kept =
      std::count_if(told.begin(), told.end(), [](const auto& artifact) { return !artifact.fault; });
  EXPECT_EQ(kept, static_cast<std::ptrdiff_t>(most_artifacts));
  EXPECT_EQ(told.size(), most_artifacts + 20);
  EXPECT_NE(told.back().fault.value_or("").find("100 files at most"), std::string::npos)
      << told.back().path;
}

}  // namespace
}  // namespace cupola::runner
