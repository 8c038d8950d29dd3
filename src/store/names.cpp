#include "store/names.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "store/service_accounts.h"

namespace cupola::store {

Result<void> check_name(std::string_view what, std::string_view name) {
  const bool has_control = std::any_of(name.begin(), name.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  if (name.empty() || name.size() > 100 || has_control || !is_utf8(name) ||
      trim(name).size() != name.size() || name.find("..") != std::string_view::npos) {
    return Error{
        Error::Kind::invalid, fmt::format("{} is no name for {}.", quoted(name), what),
        "Give 1 to 100 bytes of UTF-8 without control characters, without two dots in a row "
        "and without white space at either end."};
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

Result<void> check_login(std::string_view login) {
  const bool odd = std::any_of(login.begin(), login.end(), [](char c) {
    return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f;
  });
  if (login.empty() || login.size() > 255 || odd || !is_utf8(login)) {
    return Error{Error::Kind::invalid, fmt::format("{} is no login.", quoted(login)),
                 "Give 1 to 255 bytes of UTF-8 without white space and control characters."};
  }
  if (login.starts_with(service_login)) {
    return Error{Error::Kind::invalid,
                 fmt::format("{} is the login of a service account.", quoted(login)),
                 "Choose a login that does not begin so."};
  }
  return {};
}

Result<void> check_email(std::string_view address) {
  const std::size_t at = address.find('@');
  const std::string_view domain =
      at == std::string_view::npos ? std::string_view() : address.substr(at + 1);
  const bool odd = std::any_of(address.begin(), address.end(), [](char c) {
    return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f ||
           std::string_view("<>()[]\\,;:\"'").find(c) != std::string_view::npos;
  });
  const bool odd_domain = domain.empty() || domain.find('@') != std::string_view::npos ||
                          domain.starts_with('.') || domain.ends_with('.') ||
                          domain.starts_with('-') || domain.find("..") != std::string_view::npos;
  if (odd || odd_domain || at == 0 || at > 64 || address.size() > 254 || !is_utf8(address)) {
    return Error{Error::Kind::invalid, fmt::format("{} is no e-mail address.", quoted(address)),
                 "Give one address such as ada@example.com."};
  }
  return {};
}

}  // namespace cupola::store
