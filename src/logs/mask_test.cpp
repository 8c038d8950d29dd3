#include "logs/mask.h"

#include <algorithm>
#include <random>

#include <gmock/gmock.h>

#include "logs/secret_forms.h"

namespace cupola::logs {
namespace {

std::shared_ptr<const MaskPatterns> patterns(const std::vector<std::string>& values) {
  std::vector<Secret> secrets;
  for (const std::string& value : values) secrets.emplace_back(value);
  return std::make_shared<const MaskPatterns>(secrets);
}

std::string masked(const std::vector<std::string>& values, std::string_view text) {
  Masker masker(patterns(values));
  std::string shown(masker.push(text));
  return shown.append(masker.finish());
}

struct Case {
  std::string name, secret, text, shown;
};
void PrintTo(const Case& c, std::ostream* out) {
  *out << c.name;
}

class MaskTable : public testing::TestWithParam<Case> {};

// The encoded texts were made with Python's base64, urllib.parse, json and binascii.
INSTANTIATE_TEST_SUITE_P(
    , MaskTable,
    testing::ValuesIn(std::vector<Case>{
        {"Plain", "hunter2-hunter2", "pw=hunter2-hunter2!", "pw=****!"},
        {"Nothing", "hunter2-hunter2", "hunter2-hunter1 hunter2-\n", "hunter2-hunter1 hunter2-\n"},
        {"Alone", "s3cret", "s3cret", "****"},
        {"TooShort", "s3cre", "s3cre s3cre", "s3cre s3cre"},
        {"Empty", "", "abc", "abc"},
        {"Trimmed", " pass-word\n", "x pass-word y", "x **** y"},
        {"Twice", "hunter2", "hunter2hunter2", "********"},
        {"Overlap", "abcabc!abc", "abcabc!abcabc!abc", "****"},
        {"Base64Alone", "hunter2-hunter2", "aHVudGVyMi1odW50ZXIy", "****"},
        {"Base64After1", "hunter2-hunter2", "eGh1bnRlcjItaHVudGVyMnk=", "eG****nk="},
        {"Base64After2", "hunter2-hunter2", "eHhodW50ZXIyLWh1bnRlcjJ5eQ==", "eHh****J5eQ=="},
        {"Base64Url", "~~~!??~>>>secret", "fn5-IT8_fj4-PnNlY3JldA==", "****A=="},
        {"Base64Standard", "~~~!??~>>>secret", "fn5+IT8/fj4+PnNlY3JldA==", "****A=="},
        {"Base64Wrapped", "hunter2-hunter2", "aHVudGVyMi1o\ndW50ZXIy", "****"},
        {"HexLower", "hunter2", "68756e74657232", "****"},
        {"HexUpper", "hunter2\xff", "68756E74657232FF", "****"},
        {"Url", "p@ss/w rd&1", "p%40ss%2Fw%20rd%261", "****"},
        {"UrlLowerHex", "p@ss/w rd&1", "p%40ss%2fw%20rd%261", "****"},
        {"UrlPlus", "p@ss/w rd&1", "q=p%40ss%2Fw+rd%261&", "q=****&"},
        {"UrlSlashKept", "p@ss/w rd&1", "p%40ss/w%20rd%261", "****"},
        {"Json", "a\"b\\c\nd/e", R"({"v": "a\"b\\c\nd/e"})", R"({"v": "****"})"},
        {"JsonTwice", "aa\"b\\c", R"("{\"v\": \"aa\\\"b\\\\c\"}")", R"("{\"v\": \"****\"}")"},
        {"JsonSolidus", "http://u:p", R"("http:\/\/u:p")", R"("****")"},
        {"JsonAscii", "p\xc3\xa4ss\xf0\x9f\x94\x91", R"(p\u00e4ss\ud83d\udd11)", "****"},
        {"OtherCase", "Hunter2-Hunter2", "hUNTER2-hUNTER2 HUNTER2-HUNTER2 hunter2-hunter2",
         "**** **** ****"},
        {"TwoLines", "first line of it\nsecond line of it", "first line of it\nsecond line of it\n",
         "****\n"},
        {"OneOfItsLines", "first line of it\nsecond line of it", "got: second line of it.",
         "got: ****."},
        {"CarriageReturns", "first line of it\nsecond line of it",
         "first line of it\r\nsecond line of it", "****\r\n****"},
        {"BrokenByALine", "hunter2-hunter2", "x hunter2-\nhunter2 y\n", "x **** y\n"},
        {"BrokenByTwoLines", "hunter2-hunter2", "hunter2-\n\nhunter2", "hunter2-\n\nhunter2"},
    }),
    [](const auto& test) { return test.param.name; });

TEST_P(MaskTable, ShowsWhatItMay) {
  EXPECT_EQ(masked({GetParam().secret}, GetParam().text), GetParam().shown);
}

TEST_P(MaskTable, ShowsTheSameByteByByte) {
  Masker masker(patterns({GetParam().secret}));
  std::string shown;
  for (const char& c : GetParam().text) shown += masker.push({&c, 1});
  shown += masker.finish();

  EXPECT_EQ(shown, GetParam().shown);
}

TEST(Mask, OverlappingSecretsBothVanish) {
  EXPECT_EQ(masked({"abcdef", "defghi"}, "-abcdefghi-"), "-****-");
  EXPECT_EQ(masked({"secret", "secret-and-longer"}, "secret-and-long secret-and-longer"),
            "****-and-long ****");
}

TEST(Mask, HoldsBackNothingButTheBeginningOfASecret) {
  Masker masker(patterns({"hunter2"}));

  EXPECT_EQ(masker.push("line\nhun"), "line\n");
  EXPECT_EQ(masker.push("ting\n"), "hunting\n");
}

TEST(Mask, AMatchWithoutEndStaysInFlatMemory) {
  Masker masker(patterns({std::string(64, 'a')}));
  const std::string chunk(1u << 16, 'a');

  std::size_t shown = 0;
  for (int i = 0; i < 100; ++i) shown += masker.push(chunk).size();
  shown += masker.finish().size();

  EXPECT_EQ(shown, 4u);
}

// Every split of the text must give what the whole gives, and what the whole gives holds no form
// of a secret.
TEST(Mask, RandomSplitsGiveWhatTheWholeGives) {
  std::mt19937 random(20261123);
  const std::string letters = "ab=\n\"%";
  const auto pick = [&](std::size_t below) {
    return std::uniform_int_distribution<std::size_t>(0, below - 1)(random);
  };
  const auto word = [&](std::size_t length) {
    std::string text;
    for (std::size_t i = 0; i < length; ++i) text += letters[pick(letters.size())];
    return text;
  };
  for (int round = 0; round < 2000; ++round) {
    std::vector<std::string> secrets;
    for (std::size_t i = 1 + pick(3); i > 0; --i) secrets.push_back(word(3 + pick(9)));
    const auto sought = patterns(secrets);
    std::vector<std::string> forms;
    for (const std::string& secret : secrets) {
      for (std::string& form : secret_forms(secret)) forms.push_back(std::move(form));
    }
    std::string text = word(pick(40));
    for (std::size_t i = pick(6); i > 0 && !forms.empty(); --i) {
      text += forms[pick(forms.size())].substr(pick(3)) + word(pick(5));
    }

    Masker whole(sought);
    std::string expected(whole.push(text));
    expected += whole.finish();
    Masker split(sought);
    std::string shown;
    for (std::string_view rest = text; !rest.empty();) {
      const std::string piece(rest.substr(0, 1 + pick(7)));
      shown += split.push(piece);
      rest.remove_prefix(piece.size());
    }
    shown += split.finish();

    ASSERT_EQ(shown, expected) << "round " << round;
    for (const std::string& form : forms) {
      ASSERT_EQ(shown.find(form), std::string::npos) << "round " << round << " form " << form;
    }
  }
}

TEST(SecretForms, AreSortedDistinctAndLongEnough) {
  const std::vector<std::string> forms = secret_forms("pa ss/\"w\xc3\xb6rd\"\nline two of it");

  EXPECT_GT(forms.size(), 15u);
  EXPECT_TRUE(std::is_sorted(forms.begin(), forms.end()));
  EXPECT_EQ(std::adjacent_find(forms.begin(), forms.end()), forms.end());
  EXPECT_TRUE(std::all_of(forms.begin(), forms.end(),
                          [](const std::string& form) { return form.size() >= shortest_masked; }));
}

}  // namespace
}  // namespace cupola::logs
