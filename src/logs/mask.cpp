#include "logs/mask.h"

#include <algorithm>
#include <cstring>

#include "logs/secret_forms.h"

namespace cupola::logs {
namespace {

constexpr unsigned filter_bits = 18;       // 32 KiB: stays in the first-level cache
constexpr std::size_t filtered_bytes = 4;  // that the hash is over
constexpr std::string_view mark = "****";

using Patterns = std::vector<std::string_view>;

/// The patterns of [first, last) whose byte at `depth` is `c`; all share what is before it and are
/// longer than `depth`.
std::pair<Patterns::const_iterator, Patterns::const_iterator> narrow(Patterns::const_iterator first,
                                                                     Patterns::const_iterator last,
                                                                     std::size_t depth, char c) {
  const auto byte = static_cast<unsigned char>(c);
  const auto at = [&](std::string_view pattern) {
    return static_cast<unsigned char>(pattern[depth]);
  };
  const auto low =
      std::partition_point(first, last, [&](std::string_view p) { return at(p) < byte; });
  const auto high =
      std::partition_point(low, last, [&](std::string_view p) { return at(p) == byte; });
  return {low, high};
}

/// The length of a line break at `position`: 0, 1 or 2.
std::size_t line_break(std::string_view text, std::size_t position) {
  if (text[position] == '\n') return 1;
  if (text[position] != '\r') return 0;
  return position + 1 < text.size() && text[position + 1] == '\n' ? 2 : 1;
}

}  // namespace

MaskPatterns::MaskPatterns(const std::vector<Secret>& secrets) {
  std::vector<std::string> forms;
  for (const Secret& secret : secrets) {
    for (std::string& form : secret_forms(secret.reveal())) forms.push_back(std::move(form));
  }
  std::sort(forms.begin(), forms.end());
  forms.erase(std::unique(forms.begin(), forms.end()), forms.end());

  std::size_t total = 0;
  for (const std::string& form : forms) total += form.size();
  arena_.reserve(total);
  for (std::string& form : forms) {
    patterns_.emplace_back(arena_.data() + arena_.size(), form.size());
    arena_ += form;
    ::explicit_bzero(form.data(), form.size());
  }

  filter_.assign((1u << filter_bits) / 64, 0);
  for (const std::string_view pattern : patterns_) {
    const std::uint32_t bit = hash(pattern.data());
    filter_[bit / 64] |= std::uint64_t{1} << (bit % 64);
  }
}

MaskPatterns::~MaskPatterns() {
  ::explicit_bzero(arena_.data(), arena_.size());
}

std::uint32_t MaskPatterns::hash(const char* text) {
  std::uint32_t word = 0;
  std::memcpy(&word, text, sizeof word);
  return (word * 0x9E3779B1u) >> (32 - filter_bits);
}

MaskPatterns::Match MaskPatterns::match(std::string_view text) const {
  Match match;
  auto first = patterns_.begin();
  auto last = patterns_.end();
  bool broken = false;  // the byte before was a line break passed over
  std::size_t depth = 0;
  for (std::size_t position = 0; position < text.size();) {
    if (last - first == 1) {  // one is left: compare without a search for each byte
      const auto rest = first->substr(depth, text.size() - position);
      const auto [differs, at] = std::mismatch(rest.begin(), rest.end(), text.begin() + position);
      const auto same = static_cast<std::size_t>(differs - rest.begin());
      depth += same;
      position += same;
      broken = broken && same == 0;
      if (depth == first->size()) return {.length = position, .open = false};
      if (position == text.size()) break;
    }
    const auto [low, high] = narrow(first, last, depth, text[position]);
    if (low == high) {
      const std::size_t skip = depth >= filtered_bytes && !broken ? line_break(text, position) : 0;
      if (skip == 0) return match;
      position += skip;
      broken = true;
      continue;
    }
    broken = false;
    first = low;
    last = high;
    ++depth;
    ++position;
    if (first->size() == depth) {  // sorted: the pattern that ends here is the first
      match.length = position;
      if (++first == last) return match;
    }
  }
  match.open = true;
  return match;
}

std::string_view Masker::advance(std::string_view bytes, bool last) {
  if (patterns_->empty()) return bytes;
  std::string_view text = bytes;
  if (!held_.empty()) {
    joined_.assign(held_).append(bytes);
    text = joined_;
  }

  shown_.clear();
  std::size_t shown_to = 0;      // text before it is in shown_, or hidden
  std::size_t hidden = hidden_;  // text before it belongs to a secret whose mark is shown
  std::size_t position = 0;
  const std::size_t filtered = text.size() < 4 ? 0 : text.size() - 3;
  while (position < text.size()) {
    if (position < filtered) {
      while (position < filtered && !patterns_->may_begin(text.data() + position)) ++position;
      if (position == filtered) continue;
    }
    const MaskPatterns::Match match = patterns_->match(text.substr(position));
    if (match.open && !last) break;
    if (match.length > 0) {
      if (position >= hidden) {
        shown_to = std::max(shown_to, hidden);
        shown_.append(text.substr(shown_to, position - shown_to)).append(mark);
        shown_to = position;
      }
      hidden = std::max(hidden, position + match.length);
    }
    ++position;
  }

  shown_to = std::max(shown_to, hidden);
  const std::string_view rest =
      shown_to < position ? text.substr(shown_to, position - shown_to) : std::string_view{};
  hidden_ = hidden > position ? hidden - position : 0;
  held_.assign(text.substr(position));
  if (shown_.empty()) return rest;
  shown_.append(rest);
  return shown_;
}

}  // namespace cupola::logs
