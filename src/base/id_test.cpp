#include "base/id.h"

#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace cupola {
namespace {

TEST(IdTest, Uuid7HasItsVersionAndVariantAndGrows) {
  std::string last;
  for (int i = 0; i < 10000; ++i) {
    const std::string id = new_uuid7();
    ASSERT_TRUE(is_uuid_hex(id)) << id;
    ASSERT_EQ(id[12], '7');
    ASSERT_NE(std::string("89ab").find(id[16]), std::string::npos);
    ASSERT_GT(id, last);
    last = id;
  }
}

TEST(IdTest, ThreadsNeverGetTheSameId) {
  std::vector<std::vector<std::string>> made(4);
  {
    std::vector<std::jthread> threads;
    for (auto& ids : made) {
      threads.emplace_back([&ids] {
        for (int i = 0; i < 5000; ++i) ids.push_back(new_uuid7());
      });
    }
  }

  std::set<std::string> all;
  for (const auto& ids : made) all.insert(ids.begin(), ids.end());
  EXPECT_EQ(all.size(), 20000u);
}

TEST(IdTest, UlidsAre26DigitsOfCrockfordsAlphabet) {
  for (int i = 0; i < 1000; ++i) {
    const std::string id = new_random_ulid();
    ASSERT_EQ(id.size(), 26u) << id;
    ASSERT_EQ(id.find_first_not_of("0123456789ABCDEFGHJKMNPQRSTVWXYZ"), std::string::npos) << id;
    ASSERT_LE(id[0], '7') << "128 bits leave 3 for the first digit";
  }
}

TEST(IdTest, OnlyLowerCaseHexIsAnId) {
  EXPECT_FALSE(is_uuid_hex(""));
  EXPECT_FALSE(is_uuid_hex("../../../../../../etc/passwd0000"));
  EXPECT_FALSE(is_uuid_hex(std::string(32, 'A')));
  EXPECT_TRUE(is_uuid_hex(std::string(32, 'a')));
}

}  // namespace
}  // namespace cupola
