#include "db/connection.h"

#include <cstring>

#include <fmt/format.h>

#include "base/text.h"

namespace cupola::db {
namespace {

bool is_ascii_without_nul(std::string_view text) {
  std::size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, 8);
    if ((word & 0x8080808080808080u) != 0) return false;
    // A byte of zero: the classic test borrows from the byte below.
    if (((word - 0x0101010101010101u) & ~word & 0x8080808080808080u) != 0) return false;
  }
  for (; at < text.size(); ++at) {
    if (text[at] == '\0' || (static_cast<unsigned char>(text[at]) & 0x80u) != 0) return false;
  }
  return true;
}

bool can_be_kept(std::string_view text) {
  return is_ascii_without_nul(text) || (text.find('\0') == std::string_view::npos && is_utf8(text));
}

}  // namespace

const Value& value_of(const Params& params, const std::string& name) {
  for (const Param& param : params) {
    if (param.name == name) return param.value;
  }
  throw Failure("A statement has no value for its parameter :" + name + ".");
}

void check_params(const Params& params, const SqlText& statement) {
  if (params.size() != statement.names.size()) {
    throw Failure(fmt::format("A statement with {} parameters was given {} values: {}",
                              statement.names.size(), params.size(), shown(statement.text)));
  }
  for (const Param& param : params) {
    const auto* text = std::get_if<std::string>(&param.value);
    if (text != nullptr && !can_be_kept(*text)) {
      throw Failure(fmt::format("The text for :{} holds a NUL or is not UTF-8: {}", param.name,
                                quoted(*text, 60)));
    }
  }
}

std::string shown(std::string_view sql) {
  std::string line;
  for (const char c : sql) {
    const bool space = c == ' ' || c == '\n' || c == '\t';
    if (!space) {
      line += c;
    } else if (!line.empty() && line.back() != ' ') {
      line += ' ';
    }
    if (line.size() > 200) return line + "…";
  }
  return line;
}

}  // namespace cupola::db
