/// Files made to exhaust their reader: each is refused with a line, quickly, in little memory.

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "meltano/yaml.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int slowed = 20;
constexpr std::size_t heavier = 16;
#else
constexpr int slowed = 1;
constexpr std::size_t heavier = 1;
#endif

namespace cupola::meltano::yaml {
namespace {

/// What is counted or instrumented otherwise says so (tools/coverage).
int slower() {
  const char* factor = std::getenv("CUPOLA_TEST_SLOWER");
  return slowed * (factor == nullptr ? 1 : std::max(1, std::atoi(factor)));
}

std::string repeated(std::string_view text, std::size_t count) {
  std::string result;
  result.reserve(text.size() * count);
  for (std::size_t i = 0; i < count; ++i) result += text;
  return result;
}

/// A figure of /proc/self/status in KiB.
std::size_t status_figure(const std::string& name) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(name + ":")) return std::stoul(line.substr(name.size() + 1));
  }
  return 0;
}

/// Of this thread: what else the machine does is not counted.
double cpu_seconds() {
  ::timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

void reset_peak() {
  std::ofstream("/proc/self/clear_refs") << "5";
}

struct Bomb {
  std::string name;
  std::string text;
};

class BombsTest : public testing::TestWithParam<Bomb> {};

std::string billion_laughs() {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int level = 1; level < 30; ++level) {
    const std::string alias = "*a" + std::to_string(level - 1);
    text += "a" + std::to_string(level) + ": &a" + std::to_string(level) + " [" + alias;
    for (int i = 0; i < 8; ++i) text += ", " + alias;
    text += "]\n";
  }
  return text;
}

std::string merge_chain() {
  std::string text = "a0: &a0 {k: v}\n";
  for (int level = 1; level < 10'000; ++level) {
    const std::string number = std::to_string(level);
    text += "a" + number + ": &a" + number + "\n  <<: *a" + std::to_string(level - 1) + "\n  k" +
            number + ": v\n";
  }
  return text;
}

std::string nested_anchors() {
  std::string text;
  for (int level = 0; level < 90; ++level) text += "&a" + std::to_string(level) + " [";
  text += repeated("x,", 45'000);
  return "a: " + text + repeated("]", 90) + "\n";
}

std::string late_duplicates() {
  std::string text;
  for (int i = 0; i < 24'000; ++i) text += "k" + std::to_string(i) + ": 1\n";
  return text + repeated("k23999: 1\n", 24'000);
}

std::string nested_blocks(int depth) {
  std::string text;
  for (int level = 0; level < depth; ++level)
    text += std::string(static_cast<std::size_t>(level), ' ') + "a:\n";
  return text;
}

INSTANTIATE_TEST_SUITE_P(
    Refused, BombsTest,
    testing::Values(Bomb{"BillionLaughs", billion_laughs()}, Bomb{"AliasOfItself", "a: &x [*x]\n"},
                    Bomb{"AliasOfItselfInAMapping", "a: &x\n  b:\n    c: *x\n"},
                    Bomb{"DeepFlow", repeated("[", 100'000)},
                    Bomb{"DeepFlowMappings", repeated("{a: ", 100'000)},
                    Bomb{"DeepKeys", "a: " + repeated("{", 100'000)},
                    Bomb{"DeepBlockSequences", repeated("- ", 100'000) + "x\n"},
                    Bomb{"DeepComplexKeys", repeated("? ", 100'000) + "x\n"},
                    Bomb{"DeepBlocks", nested_blocks(1'300)},
                    Bomb{"HugeScalar", "a: " + std::string(100 << 20, 'x') + "\n"},
                    Bomb{"ManyItems", "a:\n" + repeated("- x\n", 120'000)},
                    Bomb{"ManyFlowItems", "a: [" + repeated("x,", 250'000) + "]\n"},
                    Bomb{"ManyEmptyItems", "a: [" + repeated("[],", 150'000) + "]\n"},
                    Bomb{"MergeChain", merge_chain()}, Bomb{"NestedAnchors", nested_anchors()},
                    Bomb{"OpenQuote", "a: \"" + repeated("x\n ", 150'000)},
                    Bomb{"DuplicateKeys", repeated("a: b\n", 100'000)},
                    Bomb{"LateDuplicates", late_duplicates()},
                    Bomb{"Tags", repeated("- !!python/object x\n", 20'000)},
                    Bomb{"Tabs", repeated("\t\n", 250'000) + "@"},
                    Bomb{"Mistakes", repeated("a: @x\n", 10'000)},
                    Bomb{"NotUtf8", std::string(512 << 10, '\xff')},
                    Bomb{"LongLineNotUtf8", std::string((512 << 10) - 1, 'x') + "\xff"}),
    [](const auto& bomb) { return bomb.param.name; });

TEST_P(BombsTest, IsRefusedInATenthOfASecondAndLittleMemory) {
  const std::size_t before = status_figure("VmRSS");
  reset_peak();
  const double start = cpu_seconds();

  const Document document = parse(GetParam().text, 0);

  const double took = cpu_seconds() - start;
  const std::size_t peak = status_figure("VmHWM");
  ASSERT_FALSE(document.problems.empty());
  EXPECT_GE(document.problems.front().mark.line, 1U);
  EXPECT_FALSE(document.problems.front().message.empty());
  EXPECT_LT(took, 0.1 * slower());
  EXPECT_LT(peak - std::min(before, peak), (64UL << 10) * heavier);
}

TEST(BombsTest, LargeButHonestFilesAreRead) {
  const Document document = parse("a:\n" + repeated("- name: x\n", 15'000), 0);

  EXPECT_TRUE(document.problems.empty());
  ASSERT_TRUE(document.root);
  EXPECT_EQ(document.root->find("a")->items.size(), 15'000U);
}

}  // namespace
}  // namespace cupola::meltano::yaml
