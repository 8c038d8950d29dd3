#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "meltano/yaml.h"
#include "meltano/yaml_compose.h"

namespace cupola::meltano::yaml {
namespace {

constexpr int most_mistakes = 10;
constexpr std::size_t largest_to_go_on = 64 << 10;

/// Where the first byte stands that belongs to no well-formed UTF-8.
Mark find_invalid(std::string_view text, std::uint32_t file) {
  Mark mark{file, 1, 1};
  for (std::size_t at = 0; at < text.size(); ++mark.column) {
    std::size_t length = 1;
    while (length < 4 && !is_utf8(text.substr(at, length))) ++length;
    if (!is_utf8(text.substr(at, length))) return mark;
    if (text[at] == '\n') {
      ++mark.line;
      mark.column = 0;
    }
    at += length;
  }
  return mark;
}

bool starts_block(std::string_view line) {
  return !line.empty() && line.front() != ' ' && line.front() != '\t' && line.front() != '#' &&
         line.front() != '-' && line.front() != '\r' && line.front() != '}' && line.front() != ']';
}

/// Turns the top-level block around a line (counted from 1) into empty lines; false when it is
/// empty already. The line that a mistake is noticed on may open the next block: then both go.
bool clear_block(std::string& text, std::size_t line) {
  const std::vector<std::string_view> lines = split(text, '\n');
  if (lines.empty()) return false;
  std::size_t first = std::min(line, lines.size()) - 1;
  if (starts_block(lines[first]) && first > 0 && lines[first].find(':') == std::string_view::npos) {
    --first;
  }
  while (first > 0 && !starts_block(lines[first])) --first;
  std::size_t end = std::min(line, lines.size());
  while (end < lines.size() && !starts_block(lines[end])) ++end;

  bool changed = false;
  std::string cleared;
  cleared.reserve(text.size());
  for (std::size_t index = 0; index < lines.size(); ++index) {
    if (index > 0) cleared += '\n';
    if (index < first || index >= end) {
      cleared += lines[index];
    } else {
      changed = changed || !trim(lines[index]).empty();
    }
  }
  text = std::move(cleared);
  return changed;
}

}  // namespace

Document parse(std::string_view text, std::uint32_t file, const Limits& limits) {
  Document document;
  if (text.size() > limits.bytes) {
    document.problems.push_back({{file, 1, 1},
                                 fmt::format("The file is larger than {} bytes.", limits.bytes),
                                 "Split it, or move data out of it."});
    return document;
  }
  if (!is_utf8(text)) {
    document.problems.push_back({find_invalid(text, file), "This is not UTF-8 text.",
                                 "Save the file in the encoding UTF-8."});
    return document;
  }
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);

  Composed composed = compose(text, file, limits);
  document.problems = std::move(composed.problems);
  document.whole = composed.stopped_at == 0;
  std::string rest(text.size() <= largest_to_go_on ? text : std::string_view{});
  for (int mistakes = 1; composed.stopped_at != 0 && mistakes < most_mistakes; ++mistakes) {
    if (!clear_block(rest, composed.stopped_at)) break;
    composed = compose(rest, file, limits);
    for (Problem& problem : composed.problems) {
      const auto is_known = [&](const Problem& known) {
        return known.mark.line == problem.mark.line && known.mark.column == problem.mark.column;
      };
      if (std::ranges::none_of(document.problems, is_known)) {
        document.problems.push_back(std::move(problem));
      }
    }
  }
  document.root = std::move(composed.root);
  std::ranges::stable_sort(document.problems, {}, [](const Problem& problem) {
    return std::pair(problem.mark.line, problem.mark.column);
  });
  return document;
}

}  // namespace cupola::meltano::yaml
