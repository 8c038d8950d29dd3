#include "store/columns.h"

#include "base/json.h"

namespace cupola::store {

std::string to_column(const std::vector<std::string>& texts) {
  if (texts.empty()) return "[]";
  json::array array;
  for (const std::string& text : texts) array.emplace_back(json_text(text));
  return json::serialize(array);
}

std::vector<std::string> texts_from(std::string_view column) {
  std::vector<std::string> texts;
  if (column == "[]") return texts;
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
