#include "db/sql_text.h"

#include <algorithm>

#include "base/text.h"

namespace cupola::db {
namespace {

constexpr std::string_view postgres_mark = "pg:";

bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool is_name_part(char c) {
  return is_name_start(c) || (c >= '0' && c <= '9');
}

class Translation {
 public:
  Translation(std::string_view sql, Dialect dialect) : rest_(sql), dialect_(dialect) {}

  SqlText run() {
    while (!rest_.empty()) step();
    return std::move(result_);
  }

 private:
  void step() {
    const char c = rest_.front();
    if (c == '\'' || c == '"') {
      const auto end = rest_.find(c, 1);
      copy(end == std::string_view::npos ? rest_.size() : end + 1);
    } else if (rest_.starts_with("--")) {
      copy(std::min(rest_.find('\n'), rest_.size()));
    } else if (rest_.starts_with("/*")) {
      comment();
    } else if (rest_.starts_with("::")) {
      copy(2);
    } else if (c == ':' && rest_.size() > 1 && is_name_start(rest_[1])) {
      parameter();
    } else {
      copy(1);
    }
  }

  void copy(std::size_t count) {
    result_.text += rest_.substr(0, count);
    rest_.remove_prefix(count);
  }

  void comment() {
    const auto end = rest_.find("*/", 2);
    const std::size_t length = end == std::string_view::npos ? rest_.size() : end + 2;
    const auto inside =
        trim(rest_.substr(2, (end == std::string_view::npos ? rest_.size() : end) - 2));
    if (dialect_ != Dialect::postgres || !inside.starts_with(postgres_mark)) return copy(length);
    // What the comment says is SQL with parameters of its own.
    const std::string_view after = rest_.substr(length);
    rest_ = inside.substr(postgres_mark.size());
    while (!rest_.empty()) step();
    rest_ = after;
  }

  void parameter() {
    std::size_t length = 1;
    while (length < rest_.size() && is_name_part(rest_[length])) ++length;
    const std::string_view name = rest_.substr(1, length - 1);
    rest_.remove_prefix(length);
    auto& names = result_.names;
    const auto known = std::find(names.begin(), names.end(), name);
    const auto number = known - names.begin() + 1;
    if (known == names.end()) names.emplace_back(name);
    result_.text += dialect_ == Dialect::sqlite ? '?' : '$';
    result_.text += std::to_string(number);
  }

  std::string_view rest_;
  Dialect dialect_;
  SqlText result_;
};

}  // namespace

SqlText translate(std::string_view sql, Dialect dialect) {
  return Translation(sql, dialect).run();
}

std::string translate_script(std::string_view sql, Dialect dialect) {
  return Translation(sql, dialect).run().text;
}

}  // namespace cupola::db
