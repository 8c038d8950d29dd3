#include "store/names.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"

namespace cupola::store {

Result<void> check_name(std::string_view what, std::string_view name) {
  const bool has_control = std::any_of(name.begin(), name.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  if (name.empty() || name.size() > 100 || has_control || !is_utf8(name) ||
      trim(name).size() != name.size()) {
    return Error{Error::Kind::invalid, fmt::format("{} is no name for {}.", quoted(name), what),
                 "Give 1 to 100 bytes of UTF-8 without control characters and without white space "
                 "at either end."};
  }
  return {};
}

Result<void> check_name_with_slug(std::string_view what, std::string_view name) {
  if (auto checked = check_name(what, name); !checked) return checked;
  if (slug(name).empty()) {
    return Error{Error::Kind::invalid,
                 fmt::format("{} is no name for {}: its short form is empty.", quoted(name), what),
                 "Give a name with at least one of the letters a-z or digits."};
  }
  return {};
}

}  // namespace cupola::store
