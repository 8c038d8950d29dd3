#pragma once

/// The prepared statements of one connection, by their SQL text.

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace cupola::db {

/// Not for several threads at once. A reference that it gives lives until `drop_unused`.
template <typename Statement>
class StatementCache {
 public:
  Statement* find(std::string_view sql) {
    const auto found = statements_.find(sql);
    return found == statements_.end() ? nullptr : found->second.get();
  }

  /// Texts that differ each time must not fill the memory: when this is so, `drop_unused`.
  bool is_full() const { return statements_.size() >= most; }
  void drop_unused() {
    std::erase_if(statements_, [](const auto& entry) { return !entry.second->in_use; });
  }

  Statement& keep(std::string_view sql, Statement statement) {
    auto& place = statements_[std::string(sql)];
    place = std::make_unique<Statement>(std::move(statement));
    return *place;
  }

 private:
  static constexpr std::size_t most = 1000;

  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  std::unordered_map<std::string, std::unique_ptr<Statement>, Hash, std::equal_to<>> statements_;
};

}  // namespace cupola::db
