#include "base/json_diff.h"

#include <algorithm>

namespace cupola {
namespace {

class Differ {
 public:
  explicit Differ(std::size_t most) : most_(most) {}

  void compare(const std::string& path, const json::value& before, const json::value& after) {
    if (before == after) return;
    if (before.is_object() && after.is_object()) {
      compare_objects(path, before.get_object(), after.get_object());
    } else if (before.is_array() && after.is_array()) {
      compare_arrays(path, before.get_array(), after.get_array());
    } else {
      add({path, before, after});
    }
  }

  std::vector<JsonChange> take() { return std::move(changes_); }

 private:
  static std::string below(const std::string& path, std::string_view key) {
    std::string longer = path + "/";
    for (const char c : key) {
      if (c == '~') {
        longer += "~0";
      } else if (c == '/') {
        longer += "~1";
      } else {
        longer += c;
      }
    }
    return longer;
  }

  void add(JsonChange change) {
    if (changes_.size() < most_) changes_.push_back(std::move(change));
  }

  void compare_objects(const std::string& path, const json::object& before,
                       const json::object& after) {
    for (const auto& [key, value] : before) {
      const json::value* other = after.if_contains(key);
      if (other != nullptr) {
        compare(below(path, key), value, *other);
      } else {
        add({below(path, key), value, std::nullopt});
      }
    }
    for (const auto& [key, value] : after) {
      if (!before.contains(key)) add({below(path, key), std::nullopt, value});
    }
  }

  void compare_arrays(const std::string& path, const json::array& before,
                      const json::array& after) {
    for (std::size_t i = 0; i < std::max(before.size(), after.size()); ++i) {
      const std::string place = below(path, std::to_string(i));
      if (i >= after.size()) {
        add({place, before[i], std::nullopt});
      } else if (i >= before.size()) {
        add({place, std::nullopt, after[i]});
      } else {
        compare(place, before[i], after[i]);
      }
    }
  }

  std::size_t most_;
  std::vector<JsonChange> changes_;
};

}  // namespace

std::vector<JsonChange> diff_json(const json::value& before, const json::value& after,
                                  std::size_t most) {
  Differ differ(most);
  differ.compare("", before, after);
  return differ.take();
}

}  // namespace cupola
