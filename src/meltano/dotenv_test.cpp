#include "meltano/dotenv.h"

#include <gmock/gmock.h>

namespace cupola::meltano {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

struct Case {
  std::string name, text, value;
};
void PrintTo(const Case& c, std::ostream* out) {
  *out << c.name;
}

class DotenvTable : public testing::TestWithParam<Case> {};

// What python-dotenv 1.1 gives for the same texts.
INSTANTIATE_TEST_SUITE_P(, DotenvTable,
                         testing::ValuesIn(std::vector<Case>{
                             {"Plain", "A=b", "b"},
                             {"Blanks", "  A = b c  ", "b c"},
                             {"Export", "export A=b", "b"},
                             {"ExportWithTab", "export\tA=b", "b"},
                             {"Empty", "A=", ""},
                             {"EmptyQuotes", "A=\"\"", ""},
                             {"Comment", "A=b # c", "b"},
                             {"NoComment", "A=b#c", "b#c"},
                             {"CommentAfterQuotes", "A='b' # c", "b"},
                             {"HashInQuotes", "A=\"b # c\"", "b # c"},
                             {"SingleQuotesKeepEscapes", "A='a\\nb\\'c'", "a\\nb'c"},
                             {"DoubleQuotesKnowEscapes", "A=\"a\\nb\\\"c\\\\\"", "a\nb\"c\\"},
                             {"UnquotedKeepsEscapes", "A=a\\nb", "a\\nb"},
                             {"SeveralLines", "A=\"one\ntwo\"\nB=c", "one\ntwo"},
                             {"QuoteInside", "A=it's", "it's"},
                             {"LastOneCounts", "A=1\nA=2", "2"},
                             {"Dollar", "B=x\nA=${B}y$B", "xy$B"},
                             {"DollarInSingleQuotes", "B=x\nA='${B}'", "x"},
                             {"Default", "A=${NONE:-d}", "d"},
                             {"FromOutside", "A=${OUTSIDE}", "out"},
                             {"Nowhere", "A=[${NONE}]", "[]"},
                             {"QuotedName", "'A'=b", "b"},
                             {"CarriageReturns", "B=x\r\nA=y\r\nC=z", "y"},
                             {"EscapedQuoteEndsWhereNoneElseDoes", "A=\"b\\\"", "b\\"},
                         }),
                         [](const auto& test) { return test.param.name; });

TEST_P(DotenvTable, GivesWhatPythonDotenvGives) {
  const Dotenv file = parse_dotenv(GetParam().text);

  EXPECT_THAT(file.faults, IsEmpty());
  EXPECT_EQ(dotenv_values(file, {{"OUTSIDE", "out"}})["A"], GetParam().value);
}

TEST(Dotenv, TellsWhereEntriesAndFaultsAre) {
  const Dotenv file = parse_dotenv("# first\n\nA='x\ny'\nB=\"open\nC\n=d\nD='x' y\r\nE=f\n");

  std::vector<std::pair<std::string, int>> found;
  for (const auto& entry : file.entries) found.emplace_back(entry.name, entry.line);
  EXPECT_THAT(found, ElementsAre(Pair("A", 3), Pair("C", 6), Pair("E", 9)));
  EXPECT_THAT(file.faults, ElementsAre(5, 7, 8));
  EXPECT_FALSE(file.entries[1].value);
}

}  // namespace
}  // namespace cupola::meltano
