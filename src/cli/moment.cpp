#include "cli/moment.h"

#include <fmt/format.h>

#include "base/text.h"

namespace cupola::cli {

Result<std::string> parse_moment(std::string_view option, std::string_view text, Instant now) {
  if (text.empty()) return std::string();
  if (const auto instant = parse_rfc3339(text)) return to_rfc3339(*instant);
  if (const auto span = parse_span(text)) return to_rfc3339(now - *span);
  return Error{Error::Kind::invalid,
               fmt::format("{} {} is neither a span nor a time", option, cupola::quoted(text)),
               "Write a span back from now such as 90m, 3h, 2d, or a time such as 2026-11-23 or "
               "2026-11-23T03:00:00Z."};
}

}  // namespace cupola::cli
