#include "store/settings.h"

namespace cupola::store {

std::optional<std::string> find_setting(db::Session& db, std::string_view name) {
  return db.one("SELECT value FROM settings WHERE name = :name",
                [](const db::Row& row) { return row.get<std::string>(0); }, {{"name", name}});
}

void put_setting(db::Session& db, std::string_view name, std::string_view value) {
  db.execute(R"sql(
      INSERT INTO settings (name, value) VALUES (:name, :value)
      ON CONFLICT (name) DO UPDATE SET value = :value)sql",
             {{"name", name}, {"value", value}});
}

}  // namespace cupola::store
