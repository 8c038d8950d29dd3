#pragma once

/// Characters beyond ASCII that do something to a terminal instead of being shown.

#include <string>
#include <string_view>

namespace cupola {

/// The character at the front of UTF-8 text, if it is a control character (U+0080 to U+009F), turns
/// the direction of writing (U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069) or breaks
/// lines (U+2028, U+2029). Else 0.
char32_t steering_character(std::string_view text);

/// JSON text with those characters, and DEL, as \uNNNN, which means the same: they can only stand
/// inside its strings.
std::string harmless_json(std::string_view json);

}  // namespace cupola
