#include "db/sql_text.h"

#include <gtest/gtest.h>

namespace cupola::db {
namespace {

TEST(SqlTextTest, ParametersGetNumbersAndTheSameNameTheSame) {
  const auto sqlite = translate("SELECT :b, :a_1, :b", Dialect::sqlite);
  const auto postgres = translate("SELECT :b, :a_1, :b", Dialect::postgres);

  EXPECT_EQ(sqlite.text, "SELECT ?1, ?2, ?1");
  EXPECT_EQ(postgres.text, "SELECT $1, $2, $1");
  EXPECT_EQ(postgres.names, (std::vector<std::string>{"b", "a_1"}));
}

TEST(SqlTextTest, ColonsInLiteralsCommentsNamesAndCastsAreNoParameters) {
  const std::string_view sql =
      "SELECT ':a', 'it''s :b', \":c\", x::text, 1 -- :d\n, /* :e */ '12:30' FROM t";

  EXPECT_EQ(translate(sql, Dialect::postgres).text, sql);
  EXPECT_TRUE(translate(sql, Dialect::postgres).names.empty());
}

TEST(SqlTextTest, PgCommentsAreSqlOnPostgresOnly) {
  const std::string_view sql = "SELECT 1 LIMIT :n /* pg: FOR UPDATE SKIP LOCKED */";

  EXPECT_EQ(translate(sql, Dialect::postgres).text, "SELECT 1 LIMIT $1  FOR UPDATE SKIP LOCKED");
  EXPECT_EQ(translate(sql, Dialect::sqlite).text,
            "SELECT 1 LIMIT ?1 /* pg: FOR UPDATE SKIP LOCKED */");
}

TEST(SqlTextTest, WhatIsNotClosedIsLeftToTheDatabase) {
  for (const std::string_view sql : {"SELECT ':a", "SELECT \":a", "/* :a", "-- :a", ":", "a:"}) {
    EXPECT_EQ(translate(sql, Dialect::sqlite).text, sql);
  }
}

}  // namespace
}  // namespace cupola::db
