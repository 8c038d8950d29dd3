#pragma once

/// Small questions about text that several modules ask.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cupola {

/// The pieces between each `separator`; an empty text gives one empty piece.
std::vector<std::string_view> split(std::string_view text, char separator);

/// Without white space at either end.
std::string_view trim(std::string_view text);

std::string to_lower(std::string_view text);
std::string to_upper(std::string_view text);

std::string join(const std::vector<std::string>& parts, std::string_view separator);

/// The text in single quotes for a message, control characters as \xNN, cut after `most` bytes.
std::string quoted(std::string_view text, std::size_t most = 120);

/// At most `most` bytes of the text, whole characters, with … at the end where something is left
/// out.
std::string shortened(std::string_view text, std::size_t most);

/// The text with control characters but newline and tab as \xNN, those of steering.h as \uNNNN and
/// invalid UTF-8 as U+FFFD: what may be shown on a terminal or in a JSON string.
std::string printable(std::string_view text);

/// Lower-case letters, digits and single dashes: "Acme Data (EU)" gives "acme-data-eu".
std::string slug(std::string_view text);

/// The code point at the front of well-formed UTF-8, and how many bytes it has. Not of an empty
/// text.
std::pair<char32_t, std::size_t> first_code_point(std::string_view text);

/// Whether each byte belongs to well-formed UTF-8 (RFC 3629).
bool is_utf8(std::string_view text);

}  // namespace cupola
