#include "store/secrets.h"

#include <barrier>
#include <fstream>
#include <sstream>
#include <thread>
#include <tuple>

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "store/key_rotation.h"
#include "store/secret_names.h"
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
                   std::string_view name, const std::string& value, const SecretForm& form = {}) {
    return db->write([&](db::Session& session) {
      return set_secret(session, vault, tenant.organization.key, tenant.project.key, deployment,
                        name, Secret(value), noon, form);
    });
  }
  std::string seal(const Vault& vault, const std::string& text, std::string_view context) {
    return db->write(
        [&](db::Session& session) { return vault.seal(session, Secret(text), context); });
  }
  std::vector<SecretName> list(const Vault& vault) {
    return db->read([&](db::Session& session) {
      return list_secrets(session, vault, tenant.organization.key, tenant.project.key);
    });
  }
  KeyRotation rotate() {
    return rotate_key(key_file(), *db, [](db::Session&, const KeyRotation&) {});
  }
  std::map<std::string, std::string> reveal(const Vault& vault, const DeploymentKey& deployment) {
    std::map<std::string, std::string> plain;
    for (const auto& [name, value] : db->read([&](db::Session& session) {
           return open_secrets(session, vault, tenant.project.key, deployment);
         })) {
      plain[name] = value.value.reveal();
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
  EXPECT_EQ(second.open_sealed(seal(first, "text", "c"), "c").reveal(), "text");
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
  const std::string sealed = seal(vault, "hush", "secret/a/1");

  EXPECT_THAT(sealed, Not(HasSubstr("hush")));
  EXPECT_NE(seal(vault, "hush", "secret/a/1"), sealed) << "a nonce of its own each time";
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
    const auto names = list_secrets(session, vault, organization.key, project.key);
    ASSERT_EQ(names.size(), 2u);
    EXPECT_FALSE(names[0].deployment);
    EXPECT_EQ(names[1].deployment, deployment.key);
    EXPECT_TRUE(list_secrets(session, vault, OrganizationKey{"x"}, project.key).empty());
    EXPECT_FALSE(delete_secret(session, OrganizationKey{"x"}, project.key, std::nullopt, "A"));
    EXPECT_TRUE(delete_secret(session, organization.key, project.key, deployment.key, "A"));
    EXPECT_FALSE(delete_secret(session, organization.key, project.key, deployment.key, "A"));
  });
  EXPECT_EQ(reveal(vault, tenant.deployment.key)["A"], "two");
}

TEST_P(SecretsTest, ARowMovedToAnotherPlaceDoesNotOpen) {
  const auto vault = Vault::open(key_file(), *db);
  const auto other =
      db->write([](db::Session& session) { return testing::add_tenant(session, "other", noon); });
  ASSERT_TRUE(set(vault, std::nullopt, "A", "one"));
  const auto move = [&](std::string_view column, std::string_view to) {
    db->write([&](db::Session& session) {
      session.execute("UPDATE secrets SET " + std::string(column) + " = :to", {{"to", to}});
    });
  };

  for (const auto& [column, to, back] :
       std::initializer_list<std::tuple<std::string, std::string, std::string>>{
           {"name", "B", "A"},
           {"deployment_key", tenant.deployment.key.text(), ""},
           {"organization_key", other.organization.key.text(), tenant.organization.key.text()}}) {
    move(column, to);
    EXPECT_THROW(reveal(vault, tenant.deployment.key), Failure) << column;
    move(column, back);
    EXPECT_EQ(reveal(vault, tenant.deployment.key)["A"], "one");
  }
  move("project_key", other.project.key.text());
  EXPECT_THROW(db->read([&](db::Session& session) {
    open_secrets(session, vault, other.project.key, other.deployment.key);
  }),
               Failure);
}

TEST_P(SecretsTest, WhatMayBeReadIsListedWithItsValueAndASecretIsNot) {
  const auto vault = Vault::open(key_file(), *db);
  ASSERT_TRUE(set(vault, std::nullopt, "A", "hidden"));
  ASSERT_TRUE(set(vault, std::nullopt, "B", "read me", {.kind = SecretKind::plain}));
  ASSERT_TRUE(set(vault, std::nullopt, "C", "file:/run/c",
                  {.kind = SecretKind::reference, .as_file = true}));

  const auto listed = list(vault);

  ASSERT_EQ(listed.size(), 3u);
  EXPECT_FALSE(listed[0].shown);
  EXPECT_EQ(listed[1].shown, "read me");
  EXPECT_EQ(listed[2].shown, "file:/run/c");
  EXPECT_TRUE(listed[2].form.as_file);
  ASSERT_TRUE(set(vault, std::nullopt, "B", "hidden now"));
  EXPECT_FALSE(list(vault)[1].shown) << "setting it anew as a secret hides it";
}

TEST_P(SecretsTest, WhoWritesToTheDatabaseAloneCannotMakeASecretReadable) {
  const auto vault = Vault::open(key_file(), *db);
  ASSERT_TRUE(set(vault, std::nullopt, "A", "hidden"));

  db->write([](db::Session& session) { session.execute("UPDATE secrets SET kind = 'plain'"); });

  EXPECT_THROW(list(vault), Failure);
}

TEST_P(SecretsTest, ARotationSealsAllAnewAndServersThatRunGoOn) {
  const auto running = Vault::open(key_file(), *db);
  ASSERT_TRUE(set(running, std::nullopt, "A", "one"));
  ASSERT_TRUE(set(running, tenant.deployment.key, "B", "two", {.kind = SecretKind::plain}));
  const std::string before = running.key_id();

  const KeyRotation rotation = rotate();

  EXPECT_EQ(rotation.from, before);
  EXPECT_EQ(rotation.values, 2);
  EXPECT_FALSE(rotation.was_open);
  const std::map<std::string, std::string> both{{"A", "one"}, {"B", "two"}};
  EXPECT_EQ(reveal(running, tenant.deployment.key), both);
  ASSERT_TRUE(set(running, std::nullopt, "C", "three"));
  EXPECT_EQ(running.key_id(), rotation.to);
  const auto later = Vault::open(key_file(), *db);
  EXPECT_EQ(later.key_id(), rotation.to);
  EXPECT_EQ(reveal(later, tenant.deployment.key).size(), 3u);
  EXPECT_TRUE(std::filesystem::exists(rotation.old_file)) << "for backups from before";
}

TEST_P(SecretsTest, ARotationOfWhichOnlyTheFileIsWrittenGoesOn) {
  const auto before = Vault::open(key_file(), *db);
  ASSERT_TRUE(set(before, std::nullopt, "A", "one"));
  const KeyRotation first = rotate();
  // As after a kill between the transaction and the last write of the file: both keys stand there.
  std::ifstream old_file(first.old_file), new_file(key_file());
  std::stringstream both;
  both << old_file.rdbuf() << new_file.rdbuf();
  std::ofstream(key_file()) << both.str();
  EXPECT_EQ(reveal(Vault::open(key_file(), *db), tenant.deployment.key)["A"], "one");

  const KeyRotation second = rotate();

  EXPECT_TRUE(second.was_open);
  EXPECT_EQ(second.values, 0);
  EXPECT_EQ(second.to, first.to);
  EXPECT_EQ(reveal(Vault::open(key_file(), *db), tenant.deployment.key)["A"], "one");
}

TEST_P(SecretsTest, AServerWhoseKeyFileIsAnotherCopySaysWhatToDo) {
  const auto copy = key_file().string() + ".copy";
  Vault::open(key_file(), *db);
  std::filesystem::copy_file(key_file(), copy);
  const auto elsewhere = Vault::open(copy, *db);

  rotate();

  try {
    const auto done = set(elsewhere, std::nullopt, "A", "x");
    ADD_FAILURE() << "sealed with a key that is none any more: " << static_cast<bool>(done);
  } catch (const Failure& failure) {
    EXPECT_THAT(failure.what(), HasSubstr("Copy the key file"));
  }
  std::filesystem::copy_file(key_file(), copy, std::filesystem::copy_options::overwrite_existing);
  EXPECT_TRUE(set(elsewhere, std::nullopt, "A", "x"));
}

TEST_P(SecretsTest, NamesThatWouldTakeOverTheRunAreRefusedWithTheReason) {
  for (const char* name :
       {"PATH", "LD_PRELOAD", "PYTHONPATH", "PYTHON_X", "GIT_SSH_COMMAND", "BASH_ENV",
        "MELTANO_PROJECT_ROOT", "MELTANO_SYS_DIR_ROOT", "MELTANO_DATABASE_URI",
        "MELTANO_STATE_BACKEND_URI", "MELTANO_RUN_ID", "CUPOLA_RUN_ID", "HOME", "GLIBC_TUNABLES"}) {
    const auto checked = check_secret_name(name);
    ASSERT_FALSE(checked) << name;
    EXPECT_THAT(checked.error().message, HasSubstr(std::string("cannot be called ") + name + ": "));
  }
  for (const char* name : {"GIT_SSH_PRIVATE_KEY", "GIT_TOKEN", "GIT_USERNAME", "PATHS", "MY_PATH",
                           "MELTANO_STATE_BACKEND_S3_AWS_ACCESS_KEY_ID", "TAP_X_PASSWORD"}) {
    EXPECT_TRUE(check_secret_name(name)) << name;
  }
}

TEST_P(SecretsTest, NamesAndValuesThatCannotBeAreRefused) {
  const auto vault = Vault::open(key_file(), *db);
  for (const char* name : {"", "1A", "A-B", "A B", "Ä", "PATH"}) {
    EXPECT_FALSE(set(vault, std::nullopt, name, "x")) << name;
  }
  EXPECT_FALSE(set(vault, std::nullopt, std::string(256, 'A'), "x"));
  EXPECT_FALSE(set(vault, std::nullopt, "A", std::string("a\0b", 3)));
  EXPECT_FALSE(set(vault, std::nullopt, "A", std::string(64 * 1024 + 1, 'x')));
  EXPECT_TRUE(set(vault, std::nullopt, "_a1", std::string(64 * 1024, '\xff')));
}

}  // namespace
}  // namespace cupola::store
