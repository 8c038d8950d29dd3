#pragma once

/// A folder of its own for the log of one test.

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "base/temp_folder.h"
#include "logs/reader.h"
#include "logs/writer.h"

namespace cupola::logs {

class LogTest : public testing::Test {
 protected:
  /// "o:text", "e:text" or "p:text" for each line, with a "+" behind it where it goes on.
  std::vector<std::string> shown() const {
    const Result<Reader> reader = Reader::open(path);
    if (!reader) return {"cannot open: " + reader.error().message};
    std::vector<std::string> lines;
    for (const Line& line : reader->read(0, 1u << 20)) {
      lines.push_back(std::string(1, "oep"[static_cast<int>(line.stream)]) + ":" + line.text +
                      (line.continued ? "+" : ""));
    }
    return lines;
  }

  static std::string bytes_of(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static void put_bytes(const std::filesystem::path& file, const std::string& bytes) {
    std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
  }

  std::filesystem::path file(const char* ending) const { return path.string() + ending; }

  const TempFolder temp{"cupola-logs"};
  const std::filesystem::path& folder = temp.path();
  std::filesystem::path path = folder / "ab" / "run";
  const Instant noon = from_milliseconds(1'795'435'200'000);
};

}  // namespace cupola::logs
