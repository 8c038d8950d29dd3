#include "deploy/requirement.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "base/text.h"
#include "meltano/shell_words.h"

namespace cupola::deploy {
namespace {

constexpr std::string_view dropped[] = {
    "-U",         "--upgrade", "--no-cache-dir", "--force-reinstall", "-q", "--quiet",
    "--no-input", "-v",        "--verbose"};
constexpr std::string_view with_value[] = {"-i",
                                           "--index-url",
                                           "--extra-index-url",
                                           "--index",
                                           "--default-index",
                                           "-f",
                                           "--find-links",
                                           "--trusted-host",
                                           "--no-binary",
                                           "--only-binary",
                                           "-C",
                                           "--config-settings",
                                           "--prerelease",
                                           "--index-strategy",
                                           "--upgrade-strategy",
                                           "--exclude-newer",
                                           "--config-setting"};

template <std::size_t N>
bool is_one_of(std::string_view word, const std::string_view (&list)[N]) {
  return std::find(std::begin(list), std::end(list), word) != std::end(list);
}

bool is_url(std::string_view text) {
  return text.find("://") != std::string_view::npos;
}

/// "./x[extra]" gives "./x"; "file:///x#egg=y" gives "/x".
std::string path_of(std::string_view word) {
  if (word.starts_with("file://"))
    word.remove_prefix(7);
  else if (word.starts_with("file:"))
    word.remove_prefix(5);
  word = word.substr(0, word.find('#'));
  if (const auto bracket = word.find('['); bracket != std::string_view::npos) {
    word = word.substr(0, bracket);
  }
  return std::string(word);
}

bool is_local(std::string_view word) {
  if (word.starts_with("file:")) return true;
  if (is_url(word)) return false;
  return word.starts_with('.') || word.starts_with('/') ||
         word.substr(0, word.find('[')).find('/') != std::string_view::npos ||
         word.ends_with(".whl") || word.ends_with(".tar.gz") || word.ends_with(".zip");
}

/// Reads words into a Requirement.
class Reader {
 public:
  explicit Reader(std::vector<std::string> words) : words_(std::move(words)) {}

  Result<Requirement> read() {
    while (at_ < words_.size()) {
      if (auto done = next(); !done) return done.error();
    }
    if (result_.lines.empty()) {
      return Error{Error::Kind::invalid, "The pip_url names nothing to install.",
                   "Give a package, such as pip_url: tap-jsonl==0.3.1."};
    }
    return std::move(result_);
  }

 private:
  Result<void> next() {
    const std::string word = words_[at_++];
    if (!word.starts_with('-')) {
      add(word, "");
      return {};
    }
    const auto equals = word.starts_with("--") ? word.find('=') : std::string::npos;
    const std::string name = word.substr(0, equals);
    if (is_one_of(name, dropped)) return {};
    if (name == "-e" || name == "--editable")
      return take(word, equals, [&](const std::string& v) { add(v, "-e "); });
    if (name == "-r" || name == "--requirement") {
      return take(word, equals, [&](const std::string& v) { add_file("-r ", v); });
    }
    if (name == "-c" || name == "--constraint") {
      return take(word, equals, [&](const std::string& v) { add_file("-c ", v); });
    }
    if (is_one_of(name, with_value)) {
      return take(word, equals, [&](const std::string& v) {
        if (name == "--upgrade-strategy") return;
        result_.options.push_back(name);
        result_.options.push_back(v);
        if (name != "--prerelease" && name != "--only-binary") result_.index_only = false;
      });
    }
    if (name == "--pre") {
      result_.options.insert(result_.options.end(), {"--prerelease", "allow"});
      return {};
    }
    result_.options.push_back(word);
    result_.index_only = false;
    return {};
  }

  template <typename F>
  Result<void> take(const std::string& word, std::size_t equals, F use) {
    if (equals != std::string::npos) {
      use(word.substr(equals + 1));
      return {};
    }
    if (at_ == words_.size()) {
      return Error{Error::Kind::invalid, fmt::format("{} in the pip_url has no value.", word),
                   "Give it one, or take it out."};
    }
    use(words_[at_++]);
    return {};
  }

  void add(const std::string& word, std::string_view prefix) {
    result_.lines.push_back(std::string(prefix) + word);
    const auto at = word.find('@');
    const bool named = at != std::string::npos && !is_local(word) && !word.starts_with("git+");
    const std::string source(trim(named ? std::string_view(word).substr(at + 1) : word));
    if (is_local(source)) result_.local.push_back(path_of(source));
    if (!prefix.empty() || is_local(source) || is_url(source) || named) result_.index_only = false;
  }

  void add_file(std::string_view prefix, const std::string& file) {
    result_.lines.push_back(std::string(prefix) + file);
    if (is_url(file)) {
      if (prefix == "-r ") result_.index_only = false;
      return;
    }
    result_.files.push_back(file);
    // Requirement files may name anything; constraints alone only narrow versions.
    if (prefix == "-r ") result_.index_only = false;
  }

  std::vector<std::string> words_;
  std::size_t at_ = 0;
  Requirement result_;
};

}  // namespace

Result<Requirement> parse_requirement(std::string_view pip_url) {
  auto words = meltano::shell_words(pip_url);
  if (!words) return words.error();
  for (const std::string& word : *words) {
    if (word.find_first_of("\r\n") != std::string::npos || word.find('\0') != std::string::npos) {
      return Error{Error::Kind::invalid, "The pip_url holds a line break inside a word.",
                   "Write it in one line."};
    }
  }
  return Reader(std::move(*words)).read();
}

}  // namespace cupola::deploy
