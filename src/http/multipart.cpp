#include "base/text.h"
#include "http/form.h"

namespace cupola::http {
namespace {

constexpr std::size_t longest_boundary = 70;  // RFC 2046, section 5.1.1

/// The value of `name=value` or `name="value"` among parameters; empty where there is none.
std::string parameter(std::string_view header, std::string_view name) {
  for (const std::string_view piece : split(header, ';')) {
    const std::string_view pair = trim(piece);
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos || to_lower(pair.substr(0, equals)) != name) continue;
    std::string_view value = pair.substr(equals + 1);
    if (value.size() >= 2 && value.starts_with('"') && value.ends_with('"')) {
      value = value.substr(1, value.size() - 2);
    }
    return std::string(value);
  }
  return "";
}

bool is_named(std::string_view head, std::string_view name) {
  for (std::string_view line : split(head, '\n')) {
    line = trim(line);
    const std::size_t colon = line.find(':');
    if (to_lower(line.substr(0, colon)) != "content-disposition") continue;
    return parameter(line.substr(colon + 1), "name") == name;
  }
  return false;
}

}  // namespace

std::optional<std::string> part_of_form(std::string_view content_type, std::string_view body,
                                        std::string_view name) {
  const std::string boundary = parameter(content_type, "boundary");
  const bool is_form = to_lower(content_type).starts_with("multipart/form-data");
  if (!is_form || boundary.empty() || boundary.size() > longest_boundary) return std::nullopt;

  const std::string delimiter = "\r\n--" + boundary;
  if (!body.starts_with(delimiter.substr(2))) return std::nullopt;
  std::size_t at = delimiter.size() - 2;
  while (body.substr(at, 2) == "\r\n") {
    const std::size_t begin = at + 2;
    const std::size_t head_end = body.find("\r\n\r\n", begin);
    const std::size_t end = body.find(delimiter, begin);
    if (end == std::string_view::npos || head_end == std::string_view::npos || head_end > end) {
      return std::nullopt;
    }
    if (is_named(body.substr(begin, head_end - begin), name)) {
      const std::size_t data = head_end + 4;
      return std::string(data <= end ? body.substr(data, end - data) : std::string_view());
    }
    at = end + delimiter.size();
  }
  return std::nullopt;
}

}  // namespace cupola::http
