#include "store/artifacts.h"

#include <gmock/gmock.h>

#include "testing/databases.h"
#include "testing/tenant.h"

namespace cupola::store {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr Instant noon = Instant{std::chrono::hours{24 * 20000 + 12}};

class ArtifactsTest : public testing::EachDatabase {};
INSTANTIATE_TEST_SUITE_P(On, ArtifactsTest, testing::databases());

TEST_P(ArtifactsTest, ALaterAttemptTakesThePlaceOfTheOneBeforeAndAllGoWithTheRun) {
  db->write([](db::Session& s) {
    const auto tenant = testing::add_tenant(s, "acme", noon);
    const auto other = testing::add_tenant(s, "other", noon);
    testing::add_live_release(s, tenant, {}, noon);
    const auto asked = testing::new_run(tenant, noon);
    add_run(s, asked, noon);
    const auto run = claim_runs(s, "w", 1, noon).at(0);
    const auto& organization = tenant.organization.key;

    keep_artifacts(s, {run.id, 1}, {{.path = "old", .bytes = 1}});
    keep_artifacts(s, {run.id, 2},
                   {{.path = "target/run_results.json", .bytes = 7},
                    {.path = "target/manifest.json", .bytes = 9, .fault = "too large"}});

    std::vector<std::string> paths;
    for (const auto& artifact : list_artifacts(s, organization, run.id)) {
      paths.push_back(artifact.path);
    }
    EXPECT_THAT(paths, ElementsAre("target/manifest.json", "target/run_results.json"));
    const auto found = find_artifact(s, organization, run.id, "target/run_results.json");
    ASSERT_TRUE(found);
    EXPECT_EQ(found->bytes, 7);
    EXPECT_EQ(found->lease_token, 2);
    EXPECT_FALSE(found->fault);
    EXPECT_EQ(find_artifact(s, organization, run.id, "target/manifest.json")->fault, "too large");
    EXPECT_FALSE(find_artifact(s, organization, run.id, "old"));
    EXPECT_THAT(list_artifacts(s, other.organization.key, run.id), IsEmpty());

    EXPECT_THAT(list_runs_with_old_artifacts(s, organization, noon + 1h, 10), IsEmpty())
        << "it goes on";
    finish_run(s, {run.id, run.lease_token}, {.status = RunStatus::succeeded}, {}, noon);
    EXPECT_THAT(list_runs_with_old_artifacts(s, organization, noon + 1h, 10), ElementsAre(run.id));
    delete_old_runs(s, organization, noon + 1h, 10);
    EXPECT_THAT(list_artifacts(s, organization, run.id), IsEmpty());
  });
}

}  // namespace
}  // namespace cupola::store
