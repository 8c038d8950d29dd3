#include "meltano/shell_words.h"

#include <fmt/format.h>

#include "base/text.h"

namespace cupola::meltano {

Result<std::vector<std::string>> shell_words(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = '\0';
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    const bool escape = c == '\\' && quote != '\'';
    if (escape && at + 1 == text.size()) {
      return Error{Error::Kind::invalid,
                   fmt::format("{} ends with a backslash.", cupola::quoted(text)),
                   "Remove the backslash, or put the text in single quotes."};
    }
    if (escape) {
      const char next = text[++at];
      // Between double quotes a backslash counts only before a quote and before another one.
      if (quote == '"' && next != '"' && next != '\\') word += '\\';
      word += next;
      in_word = true;
    } else if (quote != '\0') {
      if (c == quote) {
        quote = '\0';
      } else {
        word += c;
      }
    } else if (c == '\'' || c == '"') {
      quote = c;
      in_word = true;
    } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      if (in_word) words.push_back(std::move(word));
      word.clear();
      in_word = false;
    } else {
      word += c;
      in_word = true;
    }
  }
  if (quote != '\0') {
    return Error{Error::Kind::invalid,
                 fmt::format("A quote in {} is not closed.", cupola::quoted(text)),
                 "Close the quote."};
  }
  if (in_word) words.push_back(std::move(word));
  return words;
}

}  // namespace cupola::meltano
