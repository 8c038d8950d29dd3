#pragma once

/// How values that are no single text or number are kept in a column, for the files of this module.

#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/outcome.h"

namespace cupola::store {

/// A JSON array of texts, and back. Throws Failure when the column holds something else.
std::string to_column(const std::vector<std::string>& texts);
std::vector<std::string> texts_from(std::string_view column);

/// A JSON object of texts, and back.
std::string to_column(const std::map<std::string, std::string>& texts);

/// An enumeration and the words that its columns hold.
template <typename Enum, std::size_t N>
using Words = std::array<std::pair<Enum, std::string_view>, N>;

template <typename Enum, std::size_t N>
std::string_view word_for(const Words<Enum, N>& words, Enum value) {
  for (const auto& [known, word] : words) {
    if (known == value) return word;
  }
  return "";
}

template <typename Enum, std::size_t N>
std::optional<Enum> value_for(const Words<Enum, N>& words, std::string_view word) {
  for (const auto& [value, known] : words) {
    if (known == word) return value;
  }
  return std::nullopt;
}

/// The same for a word out of the database, which only this program wrote.
template <typename Enum, std::size_t N>
Enum value_in_column(const Words<Enum, N>& words, std::string_view word) {
  const auto value = value_for(words, word);
  if (!value)
    throw Failure("The database holds a word that is not known here: " + std::string(word));
  return *value;
}

}  // namespace cupola::store
