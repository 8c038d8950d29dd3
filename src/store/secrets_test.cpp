#include "store/secrets.h"

#include <barrier>
#include <fstream>
#include <thread>

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "testing/databases.h"
#include "testing/tenant.h"

namespace cupola::store {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr Instant noon = Instant{std::chrono::hours{24 * 20000 + 12}};

class SecretsTest : public testing::EachDatabase {
 protected:
  void SetUp() override {
    EachDatabase::SetUp();
    if (IsSkipped()) return;
    key_place = std::make_unique<testing::DatabasePlace>(testing::DatabaseKind::sqlite_file);
    tenant =
        db->write([](db::Session& session) { return testing::add_tenant(session, "acme", noon); });
  }

  std::filesystem::path key_file() const { return key_place->folder() / "key"; }
  std::string refusal_of_vault() {
    try {
      Vault::open(key_file(), *db);
    } catch (const Failure& failure) {
      return failure.what();
    }
    return "";
  }
  Result<void> set(const Vault& vault, const std::optional<DeploymentKey>& deployment,
                   std::string_view name, const std::string& value) {
    return db->write([&](db::Session& session) {
      return set_secret(session, vault, tenant.organization.key, tenant.project.key, deployment,
                        name, Secret(value), noon);
    });
  }
  std::map<std::string, std::string> reveal(const Vault& vault, const DeploymentKey& deployment) {
    std::map<std::string, std::string> plain;
    for (const auto& [name, value] : db->read([&](db::Session& session) {
           return open_secrets(session, vault, tenant.project.key, deployment);
         })) {
      plain[name] = value.reveal();
    }
    return plain;
  }

  std::unique_ptr<testing::DatabasePlace> key_place;
  testing::Tenant tenant;
};
INSTANTIATE_TEST_SUITE_P(On, SecretsTest, testing::databases());

TEST_P(SecretsTest, AKeyIsMadeOnceForItsOwnerAlone) {
  const auto first = Vault::open(key_file(), *db);
  struct ::stat status {};
  ASSERT_EQ(::stat(key_file().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  EXPECT_EQ(first.key_id().size(), 16u);

  const auto second = Vault::open(key_file(), *db);

  EXPECT_EQ(second.key_id(), first.key_id());
  EXPECT_EQ(second.open_sealed(first.seal(Secret("text"), "c"), "c").reveal(), "text");
}

TEST_P(SecretsTest, AnotherKeyOrNoneIsRefused) {
  const auto id = Vault::open(key_file(), *db).key_id();
  const auto kept = key_file().string() + ".kept";

  std::filesystem::rename(key_file(), kept);
  EXPECT_THAT(refusal_of_vault(), HasSubstr("Put that key file back"));
  EXPECT_FALSE(std::filesystem::exists(key_file())) << "none is made in its place";

  const auto elsewhere = db::Database::open({.url = "sqlite::memory:"});
  Vault::open(key_file(), *elsewhere);
  EXPECT_THAT(refusal_of_vault(), HasSubstr("sealed with the key " + id));

  std::ofstream(key_file()) << "id " << id << "\nkey AAAA\n";
  EXPECT_THAT(refusal_of_vault(), HasSubstr("damaged"));

  std::filesystem::rename(kept, key_file());
  EXPECT_EQ(refusal_of_vault(), "");
}

TEST_P(SecretsTest, ServersThatStartAtOnceOnOneKeyFileAgreeOnOneKey) {
  constexpr int servers = 8;
  std::barrier start(servers);
  std::vector<std::string> ids(servers);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < servers; ++i) {
    threads.emplace_back([&, i] {
      start.arrive_and_wait();
      ids[i] = Vault::open(key_file(), *db).key_id();
    });
  }
  for (auto& thread : threads) thread.join();

  EXPECT_THAT(ids, ::testing::Each(Vault::open(key_file(), *db).key_id()));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(key_file().parent_path()), {}), 1)
      << "nothing else is left";
}

TEST_P(SecretsTest, ASealedTextOpensOnlyWhereItWasSealed) {
  const auto vault = Vault::open(key_file(), *db);
  const std::string sealed = vault.seal(Secret("hush"), "secret/a/1");

  EXPECT_THAT(sealed, Not(HasSubstr("hush")));
  EXPECT_NE(vault.seal(Secret("hush"), "secret/a/1"), sealed) << "a nonce of its own each time";
  EXPECT_EQ(vault.open_sealed(sealed, "secret/a/1").reveal(), "hush");
  EXPECT_THROW(vault.open_sealed(sealed, "secret/a/2"), Failure);
  std::string changed = sealed;
  changed[sealed.size() / 2] = changed[sealed.size() / 2] == 'A' ? 'B' : 'A';
  EXPECT_THROW(vault.open_sealed(changed, "secret/a/1"), Failure);
  for (const char* text : {"", "AAAA", "no base64!"}) {
    EXPECT_THROW(vault.open_sealed(text, "secret/a/1"), Failure) << text;
  }
}

TEST_P(SecretsTest, TheDeploymentsOwnWinsOverTheProjects) {
  const auto vault = Vault::open(key_file(), *db);
  const DeploymentKey other{"another-deployment"};
  ASSERT_TRUE(set(vault, std::nullopt, "A", "project"));
  ASSERT_TRUE(set(vault, std::nullopt, "B", "project"));
  ASSERT_TRUE(set(vault, tenant.deployment.key, "A", "deployment"));

  EXPECT_EQ(reveal(vault, tenant.deployment.key),
            (std::map<std::string, std::string>{{"A", "deployment"}, {"B", "project"}}));
  EXPECT_EQ(reveal(vault, other)["A"], "project");
}

TEST_P(SecretsTest, ReplacedListedAndDeleted) {
  const auto vault = Vault::open(key_file(), *db);
  ASSERT_TRUE(set(vault, std::nullopt, "A", "one"));
  ASSERT_TRUE(set(vault, std::nullopt, "A", "two"));
  ASSERT_TRUE(set(vault, tenant.deployment.key, "A", "three"));

  db->write([&](db::Session& session) {
    const auto& [organization, project, deployment] = tenant;
    const auto names = list_secrets(session, organization.key, project.key);
    ASSERT_EQ(names.size(), 2u);
    EXPECT_FALSE(names[0].deployment);
    EXPECT_EQ(names[1].deployment, deployment.key);
    EXPECT_TRUE(list_secrets(session, OrganizationKey{"x"}, project.key).empty());
    EXPECT_FALSE(delete_secret(session, OrganizationKey{"x"}, project.key, std::nullopt, "A"));
    EXPECT_TRUE(delete_secret(session, organization.key, project.key, deployment.key, "A"));
    EXPECT_FALSE(delete_secret(session, organization.key, project.key, deployment.key, "A"));
  });
  EXPECT_EQ(reveal(vault, tenant.deployment.key)["A"], "two");
}

TEST_P(SecretsTest, ARowMovedToAnotherPlaceDoesNotOpen) {
  const auto vault = Vault::open(key_file(), *db);
  ASSERT_TRUE(set(vault, std::nullopt, "A", "one"));

  db->write([](db::Session& session) { session.execute("UPDATE secrets SET name = 'B'"); });

  EXPECT_THROW(reveal(vault, tenant.deployment.key), Failure);
}

TEST_P(SecretsTest, NamesAndValuesThatCannotBeAreRefused) {
  const auto vault = Vault::open(key_file(), *db);
  for (const char* name : {"", "1A", "A-B", "A B", "Ä", "PATH", "LD_PRELOAD", "CUPOLA_RUN_ID"}) {
    EXPECT_FALSE(set(vault, std::nullopt, name, "x")) << name;
  }
  EXPECT_FALSE(set(vault, std::nullopt, std::string(256, 'A'), "x"));
  EXPECT_FALSE(set(vault, std::nullopt, "A", std::string("a\0b", 3)));
  EXPECT_FALSE(set(vault, std::nullopt, "A", std::string(64 * 1024 + 1, 'x')));
  EXPECT_TRUE(set(vault, std::nullopt, "_a1", std::string(64 * 1024, '\xff')));
}

}  // namespace
}  // namespace cupola::store
