#include "store/columns.h"

#include "base/json.h"

namespace cupola::store {
namespace {

/// A list without escapes, as nearly all are: lists of runs read two for each run.
std::optional<std::vector<std::string>> plain_texts(std::string_view column) {
  if (column.size() < 2 || column.front() != '[' || column.back() != ']' ||
      column.find('\\') != std::string_view::npos) {
    return std::nullopt;
  }
  std::vector<std::string> texts;
  for (auto rest = column.substr(1, column.size() - 2); !rest.empty();) {
    const auto end = rest.find('"', 1);
    if (rest.front() != '"' || end == std::string_view::npos) return std::nullopt;
    texts.emplace_back(rest.substr(1, end - 1));
    rest.remove_prefix(end + 1);
    if (rest.empty()) return texts;
    if (rest.front() != ',' || rest.size() == 1) return std::nullopt;
    rest.remove_prefix(1);
  }
  return texts;
}

}  // namespace

std::string to_column(const std::vector<std::string>& texts) {
  if (texts.empty()) return "[]";
  json::array array;
  for (const std::string& text : texts) array.emplace_back(json_text(text));
  return json::serialize(array);
}

std::vector<std::string> texts_from(std::string_view column) {
  if (auto plain = plain_texts(column)) return std::move(*plain);
  std::vector<std::string> texts;
  const auto value = parse_json(column);
  if (!value || !value->is_array()) {
    throw Failure("The database holds something else than a list of texts: " +
                  std::string(column.substr(0, 100)));
  }
  for (const json::value& item : value->get_array()) {
    if (item.is_string()) texts.emplace_back(item.get_string());
  }
  return texts;
}

std::string to_column(const std::map<std::string, std::string>& texts) {
  json::object object;
  for (const auto& [name, text] : texts) object[name] = json_text(text);
  return json::serialize(object);
}

}  // namespace cupola::store
