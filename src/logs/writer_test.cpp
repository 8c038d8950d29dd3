#include "logs/writer.h"

#include <algorithm>
#include <fstream>
#include <random>

#include <fmt/format.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "logs/log_test.h"

namespace cupola::logs {
namespace {

using std::filesystem::file_size;
using std::filesystem::resize_file;
using testing::ElementsAre;
using testing::HasSubstr;

class WriterTest : public LogTest {};

TEST_F(WriterTest, StreamsInterleaveByWholeLines) {
  Writer writer = Writer::open(path, {});
  writer.append(Stream::output, "one ", noon);
  writer.append(Stream::error, "warn", noon);
  writer.append(Stream::output, "line\ntwo\r\n\nrest", noon);
  writer.append(Stream::error, "ing\n", noon);
  writer.note("stopped by ann", noon);
  writer.close(noon);

  EXPECT_THAT(shown(), ElementsAre("o:one line", "o:two\r", "o:", "e:warning", "p:stopped by ann",
                                   "o:rest"));
  EXPECT_EQ(writer.lines(), 6u);
  EXPECT_EQ(writer.bytes(), file_size(file(".log")));
}

TEST_F(WriterTest, BytesStayAsTheyCame) {
  const std::string bytes("\xff\xfe\0\x1b[31m\xe2\x80\xae<b>", 14);
  Writer writer = Writer::open(path, {});
  writer.append(Stream::output, bytes + "\n", noon);
  writer.close(noon);

  EXPECT_THAT(shown(), ElementsAre("o:" + bytes));
}

TEST_F(WriterTest, LinesShowAfterFlushAndNotBefore) {
  Writer writer = Writer::open(path, {});
  writer.append(Stream::output, "a\nb", noon);
  EXPECT_THAT(shown(), ElementsAre());

  writer.flush();

  EXPECT_THAT(shown(), ElementsAre("o:a"));
}

TEST_F(WriterTest, LongLinesComeInPiecesThatDoNotCutCharacters) {
  Writer writer = Writer::open(path, {.longest_line = 64});
  writer.append(Stream::output, std::string(63, 'x') + "\xc3\xa4" + std::string(5, 'y') + "\n",
                noon);
  writer.append(Stream::output, std::string(64, 'z') + "\n", noon);
  writer.append(Stream::output, std::string(70, '\x80') + "\n", noon);
  writer.close(noon);

  EXPECT_THAT(
      shown(),
      ElementsAre("o:" + std::string(63, 'x') + "+", "o:\xc3\xa4yyyyy", "o:" + std::string(64, 'z'),
                  "o:" + std::string(64, '\x80') + "+", "o:" + std::string(6, '\x80')));
}

TEST_F(WriterTest, RandomSplitsGiveTheSameFiles) {
  std::mt19937 random(7);
  const auto pick = [&](std::size_t below) {
    return std::uniform_int_distribution<std::size_t>(0, below - 1)(random);
  };
  std::string text;
  for (int i = 0; i < 300; ++i) {
    text += std::string(pick(200), static_cast<char>('a' + pick(26)));
    text += pick(4) == 0 ? "hunter2-hunter2" : "\n";
  }
  const WriterOptions options{.masked = {Secret("hunter2-hunter2")}, .longest_line = 100};
  Writer whole = Writer::open(path, options);
  whole.append(Stream::output, text, noon);
  whole.close(noon);
  const std::vector<std::string> expected = shown();

  for (int round = 0; round < 20; ++round) {
    path = folder / std::to_string(round);
    Writer split = Writer::open(path, options);
    for (std::string_view rest = text; !rest.empty();) {
      const std::string piece(rest.substr(0, 1 + pick(300)));
      split.append(Stream::output, piece, noon);
      rest.remove_prefix(piece.size());
      if (pick(5) == 0) split.flush();
    }
    split.close(noon);
    ASSERT_EQ(shown(), expected) << "round " << round;
  }
}

TEST_F(WriterTest, SecretsAreMaskedInEachStreamAndInNotes) {
  Writer writer = Writer::open(path, {.masked = {Secret("correct-horse")}});
  writer.append(Stream::output, "correct-", noon);
  writer.append(Stream::error, "say correct-horse\n", noon);
  writer.append(Stream::output, "horse\n", noon);
  writer.note("cannot start with correct-horse", noon);
  writer.close(noon);

  EXPECT_THAT(shown(), ElementsAre("e:say ****", "o:****", "p:cannot start with ****"));
}

TEST_F(WriterTest, BeyondTheLimitOneLineSaysSoAndNotesGoOn) {
  const WriterOptions options{.limit = 1000};
  {
    Writer writer = Writer::open(path, options);
    for (int i = 0; i < 100; ++i) writer.append(Stream::output, "0123456789\n", noon);
    writer.close(noon);
  }
  const std::vector<std::string> first = shown();
  {
    Writer writer = Writer::open(path, options);
    writer.append(Stream::output, "later\n", noon);
    writer.note("ended", noon);
    writer.close(noon);
  }
  std::vector<std::string> second = shown();

  EXPECT_THAT(first.back(), HasSubstr("limit of 1000 bytes"));
  EXPECT_EQ(std::count(first.begin(), first.end(), "o:0123456789"),
            std::ptrdiff_t(first.size()) - 1);
  EXPECT_LE(file_size(file(".log")) + file_size(file(".index")), 1300u);
  EXPECT_EQ(second.back(), "p:ended");
  second.pop_back();
  EXPECT_EQ(second, first);
}

// Whatever of the last writes reached the disk, the next writer goes on behind the last whole line.
TEST_F(WriterTest, AnyTornTailIsCutAndWrittenOn) {
  {
    Writer writer = Writer::open(path, {});
    for (int i = 0; i < 20; ++i)
      writer.append(Stream::output, "line " + std::to_string(i) + "\n", noon);
    writer.close(noon);
  }
  const std::string log = bytes_of(file(".log")), index = bytes_of(file(".index"));
  const std::vector<std::string> whole = shown();

  for (std::size_t log_size = 0; log_size <= log.size(); log_size += 7) {
    for (std::size_t index_size = 0; index_size <= index.size(); index_size += 9) {
      path = folder / fmt::format("{}-{}", log_size, index_size);
      put_bytes(file(".log"), log.substr(0, log_size));
      put_bytes(file(".index"), index.substr(0, index_size));

      Writer writer = Writer::open(path, {});
      writer.note("again", noon);
      writer.flush();

      const std::vector<std::string> lines = shown();
      ASSERT_EQ(file_size(file(".log")), writer.bytes());
      ASSERT_EQ(lines.back(), "p:again");
      ASSERT_LE(lines.size(), whole.size() + 1);
      ASSERT_TRUE(std::equal(lines.begin(), lines.end() - 1, whole.begin()))
          << log_size << " " << index_size;
    }
  }
}

TEST_F(WriterTest, ZerosAfterAPowerCutAreCut) {
  {
    Writer writer = Writer::open(path, {});
    writer.append(Stream::output, "kept\n", noon);
    writer.close(noon);
  }
  resize_file(file(".index"), file_size(file(".index")) + 64);
  resize_file(file(".log"), file_size(file(".log")) + 100);

  Writer writer = Writer::open(path, {});
  writer.close(noon);

  EXPECT_THAT(shown(), ElementsAre("o:kept"));
}

TEST_F(WriterTest, AKilledWriterLosesNothingThatWasFlushed) {
  const pid_t child = ::fork();
  if (child == 0) {
    Writer writer = Writer::open(path, {});
    writer.append(Stream::output, "flushed\n", noon);
    writer.flush();
    writer.append(Stream::output, "waiting\n", noon);
    ::_exit(0);  // as after SIGKILL: no destructor runs
  }
  int status = 0;
  ::waitpid(child, &status, 0);

  Writer writer = Writer::open(path, {});
  writer.note("lost", noon);
  writer.close(noon);

  EXPECT_THAT(shown(), ElementsAre("o:flushed", "p:lost"));
}

TEST_F(WriterTest, TwoWritersDoNotMeet) {
  Writer writer = Writer::open(path, {});

  EXPECT_THROW(Writer::open(path, {}), Failure);
}

TEST_F(WriterTest, AForeignIndexIsNotOverwritten) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(file(".index")) << "this is something else";

  EXPECT_THROW(Writer::open(path, {}), Failure);
  EXPECT_EQ(file_size(file(".index")), 22u);
}

TEST_F(WriterTest, AFullDiskIsToldAndWhatWasWrittenStays) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    const ::rlimit small{1u << 20, 1u << 20};
    ::setrlimit(RLIMIT_FSIZE, &small);
    Writer writer = Writer::open(path, {});
    try {
      for (int i = 0; i < 100'000; ++i)
        writer.append(Stream::output, std::string(99, 'x') + "\n", noon);
    } catch (const Failure& failure) {
      ::_exit(std::string_view(failure.what()).find("File too large") != std::string_view::npos
                  ? 0
                  : 2);
    }
    ::_exit(1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);

  EXPECT_EQ(status, 0);
  const std::vector<std::string> lines = shown();
  EXPECT_GT(lines.size(), 5000u);
  EXPECT_EQ(lines.back(), "o:" + std::string(99, 'x'));
}

// The line of 1 GiB in small: 64 MiB must not show in the memory that is in use at most.
TEST_F(WriterTest, MemoryStaysFlatForALineWithoutEnd) {
  const auto peak = [] {
    ::rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;  // KiB
  };
  Writer writer = Writer::open(path, {.masked = {Secret("hunter2-hunter2")}});
  const std::string chunk(64u << 10, 'x');
  for (int i = 0; i < 64; ++i) writer.append(Stream::output, chunk, noon);
  const long before = peak();
  for (int i = 0; i < 1024; ++i) writer.append(Stream::output, chunk, noon);
  writer.close(noon);

  EXPECT_LT(peak() - before, 16 << 10);
  EXPECT_EQ(writer.lines(), 68u);
}

}  // namespace
}  // namespace cupola::logs
