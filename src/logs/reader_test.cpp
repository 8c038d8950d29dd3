#include "logs/reader.h"

#include <chrono>
#include <random>

#include <fmt/format.h>
#include <zstd.h>

#include "logs/log_test.h"
#include "logs/seekable.h"

namespace cupola::logs {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class ReaderTest : public LogTest {
 protected:
  void write_lines(int count) {
    Writer writer = Writer::open(path, {});
    for (int i = 0; i < count; ++i) {
      writer.append(i % 3 == 0 ? Stream::error : Stream::output, fmt::format("line {}\n", i),
                    noon + std::chrono::milliseconds(i));
    }
    writer.close(noon);
  }
};

TEST_F(ReaderTest, AbsentLogIsNotFound) {
  const Result<Reader> reader = Reader::open(path);

  ASSERT_FALSE(reader);
  EXPECT_EQ(reader.error().kind, Error::Kind::not_found);
}

TEST_F(ReaderTest, PagesAreTheSameLiveAndCompressed) {
  constexpr int count = 30'000;  // several frames of both files
  write_lines(count);
  for (const bool compressed : {false, true}) {
    if (compressed) compress(path);
    const Result<Reader> reader = Reader::open(path);
    ASSERT_TRUE(reader);
    EXPECT_EQ(reader->lines(), count);
    for (const std::uint64_t from : {0, 1, 4095, 4096, 8191, 8192, 20'000, 29'990}) {
      const std::vector<Line> page = reader->read(from, 100);
      ASSERT_EQ(page.size(), std::min<std::size_t>(100, count - from));
      for (std::size_t i = 0; i < page.size(); ++i) {
        EXPECT_EQ(page[i].number, from + i);
        EXPECT_EQ(page[i].text, fmt::format("line {}", from + i));
        EXPECT_EQ(page[i].time, noon + std::chrono::milliseconds(from + i));
        EXPECT_EQ(page[i].stream, (from + i) % 3 == 0 ? Stream::error : Stream::output);
      }
    }
    EXPECT_THAT(reader->read(count, 10), IsEmpty());
    EXPECT_THAT(reader->read(~std::uint64_t{0}, 10), IsEmpty());
    EXPECT_EQ(reader->read(0, 1'000'000).size(), count);
  }
}

TEST_F(ReaderTest, APageEndsWhenItHasTheBytesAskedFor) {
  write_lines(100);
  const Result<Reader> reader = Reader::open(path);

  EXPECT_EQ(reader->read(10, 50, 1).size(), 1u);
  EXPECT_EQ(reader->read(10, 50, 14).size(), 2u);
  EXPECT_THAT(reader->read(10, 0), IsEmpty());
}

TEST_F(ReaderTest, AFollowerSeesALiveLogGrowAndSurvivesItsCompression) {
  Writer writer = Writer::open(path, {});
  writer.append(Stream::output, "one\n", noon);
  writer.flush();
  const Result<Reader> reader = Reader::open(path);
  ASSERT_EQ(reader->lines(), 1u);

  writer.append(Stream::output, "two\nthree\n", noon);
  writer.close(noon);
  { const Writer over = std::move(writer); }
  compress(path);

  EXPECT_EQ(reader->lines(), 3u);
  EXPECT_EQ(reader->read(1, 1).at(0).text, "two");
  EXPECT_THAT(shown(), ElementsAre("o:one", "o:two", "o:three"));
}

TEST_F(ReaderTest, EmptyLogsCanBeReadAndCompressed) {
  write_lines(0);
  EXPECT_THAT(shown(), IsEmpty());

  compress(path);

  EXPECT_THAT(shown(), IsEmpty());
  EXPECT_TRUE(Reader::open(path));
}

TEST_F(ReaderTest, CompressionLeavesTwoOrdinaryZstdFilesAndMayBeRepeated) {
  write_lines(20'000);
  const std::string log = bytes_of(file(".log"));

  compress(path);
  compress(path);

  EXPECT_FALSE(std::filesystem::exists(file(".log")));
  EXPECT_FALSE(std::filesystem::exists(file(".index")));
  const std::string packed = bytes_of(file(".log.zst"));
  EXPECT_LT(packed.size(), log.size() / 3);
  std::string unpacked(log.size(), '\0');
  EXPECT_EQ(ZSTD_decompress(unpacked.data(), unpacked.size(), packed.data(), packed.size()),
            log.size());
  EXPECT_EQ(unpacked, log);
  EXPECT_THROW(Writer::open(path, {}), Failure);
}

// The states that a kill can leave behind: before, between and after the two renames, and before
// the old files are gone. Each can be read, and compressing again ends the same.
TEST_F(ReaderTest, AKillDuringCompressionLosesNothing) {
  write_lines(10);
  const std::vector<std::string> whole = shown();
  const std::string log = bytes_of(file(".log")), index = bytes_of(file(".index"));
  compress(path);
  const std::string packed_log = bytes_of(file(".log.zst"));
  const std::string packed_index = bytes_of(file(".index.zst"));
  struct Leftover {
    const char* ending;
    std::string bytes;
  };
  const std::vector<std::vector<Leftover>> states = {
      {{".log", log}, {".index", index}, {".log.zst.tmp", packed_log.substr(0, 20)}},
      {{".log", log}, {".index", index}, {".log.zst", packed_log}, {".index.zst.tmp", "x"}},
      {{".log", log}, {".index", index}, {".log.zst", packed_log}, {".index.zst", packed_index}},
      {{".log", log}, {".log.zst", packed_log}, {".index.zst", packed_index}},
  };
  for (const std::vector<Leftover>& state : states) {
    logs::remove(path);
    for (const Leftover& left : state) put_bytes(file(left.ending), left.bytes);
    EXPECT_EQ(shown(), whole);

    compress(path);

    EXPECT_EQ(shown(), whole);
    EXPECT_FALSE(std::filesystem::exists(file(".log")));
  }
}

TEST_F(ReaderTest, ALogThatIsStillWrittenIsNotCompressed) {
  Writer writer = Writer::open(path, {});

  EXPECT_THROW(compress(path), Failure);
}

TEST_F(ReaderTest, RemoveLeavesNothing) {
  write_lines(10);
  compress(path);
  put_bytes(file(".log.zst.tmp"), "x");

  logs::remove(path);
  logs::remove(path);

  EXPECT_TRUE(std::filesystem::is_empty(path.parent_path()));
}

TEST_F(ReaderTest, DamagedLinesSaySoAndTheOthersAreRead) {
  write_lines(5);
  std::string index = bytes_of(file(".index"));
  index[16 + 2 * 16 + 5] = 'x';  // the third line ends 132 TB into the log
  put_bytes(file(".index"), index);

  const std::vector<std::string> lines = shown();

  ASSERT_EQ(lines.size(), 5u);
  EXPECT_EQ(lines[1], "o:line 1");
  EXPECT_EQ(lines[2], "p:[This line cannot be read: the log file is damaged.]");
  EXPECT_EQ(lines[3], lines[2]);  // its beginning is not known
  EXPECT_EQ(lines[4], "o:line 4");
}

// Flipped and cut bytes at random places of each file: anything may come but a crash.
TEST_F(ReaderTest, RandomDamageIsSurvived) {
  write_lines(3000);
  const std::vector<std::string> live = {bytes_of(file(".log")), bytes_of(file(".index"))};
  compress(path);
  const std::vector<std::string> packed = {bytes_of(file(".log.zst")),
                                           bytes_of(file(".index.zst"))};
  std::mt19937 random(19);
  for (int round = 0; round < 600; ++round) {
    logs::remove(path);
    std::vector<std::string> files = round % 2 == 0 ? live : packed;
    std::string& victim = files[random() % 2];
    if (random() % 3 == 0) {
      victim.resize(random() % victim.size());
    } else {
      const std::size_t near_end = std::min<std::size_t>(victim.size(), 64);
      const std::size_t at =
          random() % 2 == 0 ? random() % victim.size() : victim.size() - 1 - random() % near_end;
      victim[at] = static_cast<char>(random());
    }
    put_bytes(file(round % 2 == 0 ? ".log" : ".log.zst"), files[0]);
    put_bytes(file(round % 2 == 0 ? ".index" : ".index.zst"), files[1]);

    const Result<Reader> reader = Reader::open(path);
    if (reader) {
      EXPECT_LE(reader->read(random() % 3000, 200).size(), 200u);
    }
  }
}

TEST_F(ReaderTest, ASeekTableThatCannotBeTrueIsRefused) {
  write_lines(10);
  compress(path);
  const std::string packed = bytes_of(file(".log.zst"));
  const auto size = static_cast<std::uint32_t>(packed.size() - seek_table({{1, 1}}).size());
  const std::string frame = packed.substr(0, size);
  for (const std::vector<Frame>& table : std::vector<std::vector<Frame>>{
           {{size, ~0u}}, {{size - 1, 70}}, {{size, 70}, {1, 0}}, {{~0u, 70}, {size + 1, 0}}}) {
    put_bytes(file(".log.zst"), frame + seek_table(table));

    const Result<Reader> reader = Reader::open(path);

    ASSERT_FALSE(reader);
    EXPECT_EQ(reader.error().kind, Error::Kind::malformed);
  }
}

TEST(SeekTable, IsThatOfTheSpecification) {
  const std::string table = seek_table({{100, 1000}, {50, 7}});

  const std::string expected(
      "\x5e\x2a\x4d\x18\x19\0\0\0"
      "\x64\0\0\0\xe8\x03\0\0\x32\0\0\0\x07\0\0\0"
      "\x02\0\0\0\0\xb1\xea\x92\x8f",
      33);
  EXPECT_EQ(table, expected);
}

}  // namespace
}  // namespace cupola::logs
