#include "base/plain_json.h"

#include <fmt/format.h>

namespace cupola {
namespace {

void write_plain(std::string& out, const json::value& value) {
  std::string_view before;
  if (value.is_object()) {
    out += '{';
    for (const auto& [key, member] : value.get_object()) {
      out.append(before).append(json::serialize(json::string(key))).append(":");
      write_plain(out, member);
      before = ",";
    }
    out += '}';
  } else if (value.is_array()) {
    out += '[';
    for (const auto& item : value.get_array()) {
      out += before;
      write_plain(out, item);
      before = ",";
    }
    out += ']';
  } else if (value.is_double()) {
    out += fmt::format("{}", value.get_double());
  } else {
    out += json::serialize(value);
  }
}

}  // namespace

std::string to_plain_text(const json::value& value) {
  std::string out;
  write_plain(out, value);
  return out;
}

}  // namespace cupola
