#include "deploy/specifier.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include "base/text.h"

namespace cupola::deploy {
namespace {

using Numbers = std::vector<long>;

std::optional<Numbers> parse_version(std::string_view text) {
  Numbers numbers;
  for (const std::string_view part : split(text, '.')) {
    long number = 0;
    const auto end = part.data() + part.size();
    if (part.empty() || part.size() > 9 || std::from_chars(part.data(), end, number).ptr != end ||
        number < 0) {
      return std::nullopt;
    }
    numbers.push_back(number);
  }
  return numbers;
}

int compare(Numbers a, Numbers b) {
  a.resize(std::max(a.size(), b.size()));
  b.resize(a.size());
  return a < b ? -1 : (a == b ? 0 : 1);
}

bool has_prefix(Numbers version, const Numbers& prefix) {
  version.resize(std::max(version.size(), prefix.size()));
  return std::equal(prefix.begin(), prefix.end(), version.begin());
}

std::optional<bool> fits_clause(const Numbers& version, std::string_view clause) {
  constexpr std::string_view operators[] = {"===", "==", "!=", "~=", ">=", "<=", ">", "<"};
  const auto found =
      std::find_if(std::begin(operators), std::end(operators),
                   [&](std::string_view candidate) { return clause.starts_with(candidate); });
  if (found == std::end(operators)) return std::nullopt;
  const std::string_view sign = *found;
  std::string_view text = trim(clause.substr(sign.size()));
  const bool any_rest = text.ends_with(".*");
  if (any_rest) text.remove_suffix(2);
  const auto wanted = parse_version(text);
  if (!wanted || (any_rest && sign != "==" && sign != "!=")) return std::nullopt;

  const int order = compare(version, *wanted);
  if (sign == "==" || sign == "===") return any_rest ? has_prefix(version, *wanted) : order == 0;
  if (sign == "!=") return any_rest ? !has_prefix(version, *wanted) : order != 0;
  if (sign == ">=") return order >= 0;
  if (sign == "<=") return order <= 0;
  if (sign == ">") return order > 0;
  if (sign == "<") return order < 0;
  if (wanted->size() < 2) return std::nullopt;  // ~= needs a part to hold and one to move
  return order >= 0 && has_prefix(version, Numbers(wanted->begin(), wanted->end() - 1));
}

}  // namespace

std::optional<int> compare_versions(std::string_view a, std::string_view b) {
  const auto first = parse_version(trim(a));
  const auto second = parse_version(trim(b));
  if (!first || !second) return std::nullopt;
  return compare(*first, *second);
}

std::optional<bool> fits(std::string_view version, std::string_view specifier) {
  const auto numbers = parse_version(trim(version));
  if (!numbers) return std::nullopt;
  for (const std::string_view clause : split(specifier, ',')) {
    if (trim(clause).empty()) continue;
    const auto fit = fits_clause(*numbers, trim(clause));
    if (!fit || !*fit) return fit;
  }
  return true;
}

}  // namespace cupola::deploy
