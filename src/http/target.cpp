#include "http/target.h"

#include <optional>

#include "base/text.h"
#include "http/form.h"

namespace cupola::http {
namespace {

constexpr std::size_t longest_target = 8192;
constexpr std::size_t most_query_values = 100;

Error malformed(std::string message) {
  return {Error::Kind::malformed, std::move(message)};
}

int hex_digit(char letter) {
  if (letter >= '0' && letter <= '9') return letter - '0';
  if (letter >= 'a' && letter <= 'f') return letter - 'a' + 10;
  if (letter >= 'A' && letter <= 'F') return letter - 'A' + 10;
  return -1;
}

// Empty when an escape is not %XX, or what comes out is not UTF-8 without NUL.
std::optional<std::string> decode(std::string_view text, bool plus_is_space) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '%') {
      if (at + 2 >= text.size()) return std::nullopt;
      const int high = hex_digit(text[at + 1]);
      const int low = hex_digit(text[at + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      decoded += static_cast<char>(high * 16 + low);
      at += 2;
    } else {
      decoded += plus_is_space && text[at] == '+' ? ' ' : text[at];
    }
  }
  if (decoded.find('\0') != std::string::npos || !is_utf8(decoded)) return std::nullopt;
  return decoded;
}

Result<std::vector<std::pair<std::string, std::string>>> parse_pairs(std::string_view text,
                                                                     const std::string& what) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const std::string_view pair : split(text, '&')) {
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    std::optional<std::string> name = decode(pair.substr(0, equals), true);
    std::optional<std::string> value =
        equals == std::string_view::npos ? "" : decode(pair.substr(equals + 1), true);
    if (!name || !value) return malformed(what + " holds an escape that is not UTF-8 text.");
    if (pairs.size() == most_query_values) return malformed(what + " holds more than 100 values.");
    pairs.emplace_back(std::move(*name), std::move(*value));
  }
  return pairs;
}

// The path and query of a target in absolute form (RFC 9112, section 3.2.2).
std::string_view without_origin(std::string_view target) {
  const std::size_t scheme = target.find("://");
  if (target.starts_with('/') || scheme == std::string_view::npos) return target;
  const std::size_t path = target.find('/', scheme + 3);
  return path == std::string_view::npos ? "/" : target.substr(path);
}

}  // namespace

Result<Target> parse_target(std::string_view target) {
  if (target.size() > longest_target) {
    return malformed("The request's address is longer than 8192 bytes.");
  }
  target = without_origin(target);
  if (!target.starts_with('/')) return malformed("The request's address must begin with a slash.");

  const std::size_t mark = target.find('?');
  Target result;
  result.path = target.substr(0, mark);
  if (result.path != "/") {
    for (const std::string_view piece : split(std::string_view(result.path).substr(1), '/')) {
      std::optional<std::string> segment = decode(piece, false);
      if (!segment) return malformed("The path holds an escape that is not UTF-8 text.");
      if (*segment == "." || *segment == "..") {
        return malformed("The path holds a segment '.' or '..'; give the path itself.");
      }
      result.segments.push_back(std::move(*segment));
    }
  }
  if (mark == std::string_view::npos) return result;
  auto query = parse_pairs(target.substr(mark + 1), "The query");
  if (!query) return query.error();
  result.query = *std::move(query);
  return result;
}

Result<std::vector<std::pair<std::string, std::string>>> parse_form(std::string_view body) {
  return parse_pairs(body, "The form");
}

}  // namespace cupola::http
