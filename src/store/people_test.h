#pragma once

/// An organization's people for tests, on each database.

#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "store/members.h"
#include "store/projects.h"
#include "store/tokens.h"
#include "testing/databases.h"

namespace cupola::store {

inline constexpr Instant noon = Instant{std::chrono::hours{24 * 20000 + 12}};

class PeopleTest : public testing::EachDatabase {
 protected:
  template <typename F>
  auto write(F work) {
    return db->write([&](db::Session& session) { return work(session); });
  }
  Organization add(const char* name) {
    return *write([&](db::Session& s) { return create_organization(s, name, noon); });
  }
  UserKey add_user(const Organization& organization, const char* login, Role role) {
    return write([&](db::Session& s) {
      return create_user(s, login, organization.key, role, std::nullopt, noon)->key;
    });
  }
  TokenKey add_token(const Organization& organization, const UserKey& user, const char* hash,
                     Reach reach = {}, std::optional<Role> role = {}) {
    return write([&](db::Session& s) {
      return *create_token(s,
                           {.organization = organization.key,
                            .user = user,
                            .name = "t",
                            .hash = hash,
                            .role = role,
                            .reach = std::move(reach)},
                           noon);
    });
  }
  std::optional<Member> holder(const char* hash, Instant now = noon) {
    return db->read([&](db::Session& s) { return find_member_by_token(s, hash, now); });
  }
  std::vector<std::string> logins(const Organization& organization, const char* after = "") {
    std::vector<std::string> all;
    for (const auto& member :
         db->read([&](db::Session& s) { return list_members(s, organization.key, after, 100); })) {
      all.push_back(member.login + " " + std::string(to_text(member.role)));
    }
    return all;
  }
};

}  // namespace cupola::store
