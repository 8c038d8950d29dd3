#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include "deploy/build_box.h"
#include "deploy/deployer_test.h"
#include "store/secrets.h"

namespace cupola::deploy {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST_F(DeployerTest, WhatBuildNamesIsRunOnceAndSealedIntoTheRelease) {
  add_wheel("meltano", pinned_meltano, "builds");
  const auto commit_with = [&](std::string_view task) {
    put("meltano.yml",
        fmt::format("version: 1\nenvironments: [{{name: prod}}]\nannotations: {{cupola: {{build: "
                    "[{}]}}}}\nplugins: {{utilities: [{{name: maker, namespace: maker, pip_url: "
                    "tap-x, executable: tap-x, commands: {{deps: deps, fail: fail}}}}]}}\n",
                    task));
    commit();
  };
  database->write([&](db::Session& db) {
    ASSERT_TRUE(store::set_secret(db, *vault, tenant.organization.key, tenant.project.key, {},
                                  "WORD", Secret("open sesame"), noon));
    ASSERT_TRUE(store::set_secret(db, *vault, tenant.organization.key, tenant.project.key, {},
                                  "REGION", Secret("eu-west-1"), noon,
                                  {.kind = store::SecretKind::plain}));
    ASSERT_TRUE(store::set_secret(db, *vault, tenant.organization.key, tenant.project.key, {},
                                  "GIT_SSH_PRIVATE_KEY", Secret("a key"), noon));
  });
  commit_with("maker:deps");

  const auto release = update();

  ASSERT_TRUE(is_live(release)) << log(release);
  EXPECT_THAT(log(release), HasSubstr("it says ${WORD} eu-west-1 None True"));
  const fs::path checkout = home().checkout(release.key);
  EXPECT_EQ(read_file(checkout / "built.txt", 10).value_or(""), "x");
  EXPECT_FALSE(fs::exists(checkout / "pipe"));
  EXPECT_FALSE(fs::exists(checkout / ".meltano"));
  EXPECT_EQ(fs::last_write_time(checkout / "built.txt"),
            fs::last_write_time(checkout / "meltano.yml"));
  struct ::stat info {};
  ASSERT_EQ(::stat((checkout / "built.txt").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777u, 0666u);
  EXPECT_EQ(info.st_uid, ::geteuid());
  EXPECT_EQ(update().status, store::ReleaseStatus::unchanged);

  // Another server has it by doing the same.
  const Home elsewhere(root / "elsewhere");
  Deployer there({.database = *database, .vault = *vault, .clock = clock, .home = elsewhere},
                 {.worker = "there", .allow_local_repositories = true, .sandbox = sandbox});
  for (int i = 0; i < 2; ++i) {
    ::testing::internal::CaptureStderr();
    const auto made = there.ensure_files(release);
    const std::string said = ::testing::internal::GetCapturedStderr();
    ASSERT_TRUE(made) << made.error().message;
    if (i == 0) {
      EXPECT_THAT(said, HasSubstr("it says ${WORD} eu-west-1"));
    }
    EXPECT_THAT(said, Not(HasSubstr("open sesame")));
    EXPECT_EQ(read_file(elsewhere.checkout(release.key) / "built.txt", 10).value_or(""), "x");
  }

  commit_with("maker:fail");
  const auto failed = update();
  EXPECT_EQ(failed.status, store::ReleaseStatus::failed);
  EXPECT_THAT(failed.error.value_or(""), HasSubstr("'maker:fail' ended with exit code 3"));
  EXPECT_EQ(now(tenant).release, release.key);
}

}  // namespace
}  // namespace cupola::deploy
