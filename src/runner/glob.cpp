#include "runner/glob.h"

#include <vector>

#include "base/text.h"

namespace cupola::runner {
namespace {

/// One name against one segment without slashes: back to the last star where it goes wrong.
bool matches_name(std::string_view glob, std::string_view name) {
  std::size_t at = 0;
  std::size_t star = std::string_view::npos;
  std::size_t after_star = 0;
  for (std::size_t i = 0; i < name.size();) {
    if (at < glob.size() && glob[at] == '*') {
      star = at++;
      after_star = i;
    } else if (at < glob.size() && (glob[at] == '?' || glob[at] == name[i])) {
      ++at;
      ++i;
    } else if (star != std::string_view::npos) {
      at = star + 1;
      i = ++after_star;
    } else {
      return false;
    }
  }
  while (at < glob.size() && glob[at] == '*') ++at;
  return at == glob.size();
}

}  // namespace

bool matches_glob(std::string_view glob, std::string_view path) {
  const std::vector<std::string_view> wanted = split(glob, '/');
  const std::vector<std::string_view> names = split(path, '/');
  // reached[i]: the names so far are what the first i segments of the glob say.
  std::vector<bool> reached(wanted.size() + 1, false);
  reached[0] = true;
  const auto pass_stars = [&] {
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      if (reached[i] && wanted[i] == "**") reached[i + 1] = true;
    }
  };
  pass_stars();
  for (const std::string_view name : names) {
    std::vector<bool> next(wanted.size() + 1, false);
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      if (!reached[i]) continue;
      if (wanted[i] == "**") {
        next[i] = true;
      } else if (matches_name(wanted[i], name)) {
        next[i + 1] = true;
      }
    }
    // A folder that is named whole holds what is in it.
    next[wanted.size()] = next[wanted.size()] || reached[wanted.size()];
    reached = std::move(next);
    pass_stars();
  }
  return reached[wanted.size()];
}

}  // namespace cupola::runner
