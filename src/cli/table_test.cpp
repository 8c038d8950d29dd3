#include "cli/table.h"

#include <gtest/gtest.h>

namespace cupola::cli {
namespace {

TEST(TableTest, AlignsColumnsByWhatIsShownAndFillsNothingAtTheEnd) {
  Table table({"name", "status", "cause"});
  table.add({"a", {"succeeded", Colour::green}, ""});
  table.add({"größer", {"failed", Colour::red}, "no disk"});

  EXPECT_EQ(table.text(false),
            "NAME    STATUS     CAUSE\n"
            "a       succeeded\n"
            "größer  failed     no disk\n");
}

TEST(TableTest, ColoursDoNotChangeTheWidth) {
  Table table({"a", "b"});
  table.add({{"x", Colour::red}, "y"});

  EXPECT_EQ(table.text(true), "\x1b[2mA\x1b[0m  \x1b[2mB\x1b[0m\n\x1b[31mx\x1b[0m  y\n");
}

TEST(TableTest, ShowsControlCharactersAndLineBreaksHarmlessly) {
  Table table({"a"});
  table.add({"two\nlines \x1b[31mred"});

  EXPECT_EQ(table.text(false), "A\ntwo lines \\x1b[31mred\n");
}

TEST(TableTest, MarkdownEscapesItsSeparator) {
  Table table({"a", "b"});
  table.add({"x|y", ""});

  EXPECT_EQ(table.markdown(), "| a | b |\n| --- | --- |\n| x\\|y |  |\n");
}

}  // namespace
}  // namespace cupola::cli
