/// Real projects against what official Meltano 4.4.1 sees in them. The corpus lies outside the
/// project; CUPOLA_CORPUS names its folder.

#include <cstdlib>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.h"
#include "meltano/project.h"

namespace cupola::meltano {
namespace {

namespace fs = std::filesystem;

fs::path corpus_folder() {
  const char* named = std::getenv("CUPOLA_CORPUS");
  if (named != nullptr) return named;
  return fs::path(CUPOLA_SOURCE_DIR).parent_path() / "shared" / "corpus";
}

/// One project of the corpus, laid out as it was: meltano.yml and what it includes.
class Copy {
 public:
  Copy(const fs::path& corpus, const std::string& file)
      : folder_(fs::path(testing::TempDir()) / ("corpus-" + file)) {
    fs::remove_all(folder_);
    const fs::path include = corpus / (file.substr(0, file.size() - 4) + ".include");
    fs::create_directories(folder_);
    if (fs::exists(include)) fs::copy(include, folder_, fs::copy_options::recursive);
    fs::copy_file(corpus / file, folder_ / "meltano.yml");
  }
  ~Copy() { fs::remove_all(folder_); }
  Copy(const Copy&) = delete;
  Copy& operator=(const Copy&) = delete;

  const fs::path& folder() const { return folder_; }

 private:
  fs::path folder_;
};

/// Lists in the order of the file system are compared without order: environments and plugins of
/// projects with includes.
json::value sorted(json::value value) {
  if (!value.is_array()) return value;
  std::vector<std::string> texts;
  for (const json::value& item : value.get_array()) texts.push_back(json::serialize(item));
  std::ranges::sort(texts);
  json::array result;
  for (const std::string& text : texts) result.push_back(json::parse(text));
  return result;
}

json::value without_order(json::value value) {
  if (value.is_object()) {
    for (auto& entry : value.get_object()) entry.value() = without_order(std::move(entry.value()));
    return value;
  }
  return sorted(std::move(value));
}

TEST(CorpusTest, EveryFileGivesWhatOfficialMeltanoSees) {
  const fs::path corpus = corpus_folder();
  if (!fs::exists(corpus / "expected.json")) {
    GTEST_SKIP() << "There is no corpus at " << corpus << "; name one with CUPOLA_CORPUS.";
  }
  const auto text = read_file(corpus / "expected.json", 64 << 20);
  ASSERT_TRUE(text);
  const json::value expected = json::parse(*text);

  int files = 0;
  for (const auto& [file, wanted] : expected.at("files").as_object()) {
    const Copy copy(corpus, std::string(file));
    const bool includes =
        fs::exists(corpus / (std::string(file.substr(0, file.size() - 4)) + ".include"));

    const json::object found = to_json(inspect(copy.folder(), "."));

    ++files;
    ASSERT_EQ(found.at("ok"), wanted.at("ok")) << file << json::serialize(found.at("faults"));
    if (!wanted.at("ok").as_bool()) {
      EXPECT_EQ(found.at("error").at("stage"), wanted.at("error").at("stage")) << file;
      const json::value& line = wanted.at("error").at("line");
      if (!line.is_null()) {
        EXPECT_EQ(found.at("error").at("line"), line) << file;
      }
      continue;
    }
    for (const auto& [key, value] : wanted.as_object()) {
      ASSERT_TRUE(found.contains(key)) << file << " " << key;
      if (includes) {
        EXPECT_EQ(without_order(found.at(key)), without_order(value)) << file << " " << key;
      } else {
        EXPECT_EQ(found.at(key), value) << file << " " << key;
      }
    }
  }
  EXPECT_GT(files, 100);
}

}  // namespace
}  // namespace cupola::meltano
