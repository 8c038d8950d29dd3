#include "meltano/dotenv.h"

#include <algorithm>

#include "base/text.h"

namespace cupola::meltano {
namespace {

bool is_line_break(char c) {
  return c == '\n' || c == '\r';
}
bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\v' || c == '\f' || is_line_break(c);
}

std::string unescaped(std::string_view text, std::string_view letters, std::string_view stand_for) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::size_t known =
        text[i] == '\\' && i + 1 < text.size() ? letters.find(text[i + 1]) : std::string_view::npos;
    if (known == std::string_view::npos) {
      result += text[i];
    } else {
      result += stand_for[known];
      ++i;
    }
  }
  return result;
}

/// White space and what follows a # after it are no part of an unquoted value.
std::string_view without_comment(std::string_view text) {
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '#' && is_space(text[i - 1])) return trim(text.substr(0, i));
  }
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  Dotenv read() {
    Dotenv file;
    for (;;) {
      skip([](char c) { return is_space(c); });
      if (at_end()) return file;
      const int line = line_;
      if (auto entry = read_entry()) {
        if (!entry->name.empty()) {
          entry->line = line;
          file.entries.push_back(*std::move(entry));
        }
      } else {
        file.faults.push_back(line);
        skip([](char c) { return !is_line_break(c); });
      }
    }
  }

 private:
  bool at_end() const { return at_ == text_.size(); }
  char next() const { return at_end() ? '\0' : text_[at_]; }

  void advance(std::size_t count) {
    for (; count > 0; --count, ++at_) {
      const bool in_pair = text_[at_] == '\r' && at_ + 1 < text_.size() && text_[at_ + 1] == '\n';
      if (is_line_break(text_[at_]) && !in_pair) ++line_;
    }
  }

  template <typename F>
  std::string_view skip(F matches) {
    std::size_t end = at_;
    while (end < text_.size() && matches(text_[end])) ++end;
    const std::string_view skipped = text_.substr(at_, end - at_);
    advance(end - at_);
    return skipped;
  }
  std::string_view skip_blanks() {
    return skip([](char c) { return is_space(c) && !is_line_break(c); });
  }

  void skip_export() {
    constexpr std::string_view word = "export";
    const std::size_t after = at_ + word.size();
    const bool is_word = text_.substr(at_).starts_with(word) && after < text_.size() &&
                         is_space(text_[after]) && !is_line_break(text_[after]);
    if (!is_word) return;
    advance(word.size());
    skip_blanks();
  }

  /// Between two quotes, of which the first is next; an escaped one ends it only when no other
  /// does. Nothing when there is no second one.
  std::optional<std::string_view> read_quoted() {
    const char quote = next();
    std::optional<std::size_t> end;
    for (std::size_t i = at_ + 1; i < text_.size(); ++i) {
      if (text_[i] == '\\' && i + 1 < text_.size() && text_[i + 1] == quote) {
        end = ++i;
      } else if (text_[i] == quote) {
        end = i;
        break;
      }
    }
    if (!end) return std::nullopt;
    const std::string_view inner = text_.substr(at_ + 1, *end - at_ - 1);
    advance(*end + 1 - at_);
    return inner;
  }

  std::optional<std::string> read_name() {
    if (next() == '\'') {
      const std::size_t end = text_.find('\'', at_ + 1);
      if (end == std::string_view::npos || end == at_ + 1) return std::nullopt;
      std::string name(text_.substr(at_ + 1, end - at_ - 1));
      advance(end + 1 - at_);
      return name;
    }
    const std::string_view name = skip([](char c) { return c != '=' && c != '#' && !is_space(c); });
    return name.empty() ? std::nullopt : std::optional(std::string(name));
  }

  std::optional<std::string> read_value() {
    if (next() != '\'' && next() != '"') {
      return std::string(without_comment(skip([](char c) { return !is_line_break(c); })));
    }
    const bool single = next() == '\'';
    const auto inner = read_quoted();
    if (!inner) return std::nullopt;
    return single ? unescaped(*inner, "\\'", "\\'")
                  : unescaped(*inner, "\\'\"abfnrtv", "\\'\"\a\b\f\n\r\t\v");
  }

  /// An empty name for a comment; nothing for what cannot be read.
  std::optional<DotenvEntry> read_entry() {
    DotenvEntry entry;
    skip_export();
    if (next() != '#') {
      auto name = read_name();
      if (!name) return std::nullopt;
      entry.name = *std::move(name);
    }
    skip_blanks();
    if (next() == '=') {
      advance(1);
      skip_blanks();
      entry.value = read_value();
      if (!entry.value) return std::nullopt;
    }
    skip_blanks();
    if (next() == '#') skip([](char c) { return !is_line_break(c); });
    if (!at_end() && !is_line_break(next())) return std::nullopt;
    return entry;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int line_ = 1;
};

}  // namespace

Dotenv parse_dotenv(std::string_view text) {
  return Reader(text).read();
}

std::string expand_dotenv(
    std::string_view value,
    const std::function<std::optional<std::string>(std::string_view name)>& find) {
  std::string result;
  while (!value.empty()) {
    const std::size_t begin = value.find("${");
    const std::size_t end = begin == std::string_view::npos ? begin : value.find('}', begin + 2);
    if (end == std::string_view::npos) break;
    const std::string_view inner = value.substr(begin + 2, end - begin - 2);
    const std::size_t colon = inner.find(':');
    const bool is_reference =
        colon == std::string_view::npos || inner.substr(colon).starts_with(":-");
    if (is_reference) {
      result += value.substr(0, begin);
      const auto fallback = colon == std::string_view::npos ? "" : inner.substr(colon + 2);
      result += find(inner.substr(0, colon)).value_or(std::string(fallback));
      value.remove_prefix(end + 1);
    } else {
      result += value.substr(0, begin + 2);
      value.remove_prefix(begin + 2);
    }
  }
  return result.append(value);
}

std::map<std::string, std::string> dotenv_values(const Dotenv& file,
                                                 const std::map<std::string, std::string>& env) {
  std::map<std::string, std::string> values;
  for (const DotenvEntry& entry : file.entries) {
    if (!entry.value) continue;
    values[entry.name] =
        expand_dotenv(*entry.value, [&](std::string_view name) -> std::optional<std::string> {
          const std::string key(name);
          if (const auto own = values.find(key); own != values.end()) return own->second;
          if (const auto given = env.find(key); given != env.end()) return given->second;
          return std::nullopt;
        });
  }
  return values;
}

}  // namespace cupola::meltano
