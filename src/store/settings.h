#pragma once

/// Single values that servers of one database share, by name.

#include <optional>
#include <string>
#include <string_view>

#include "db/database.h"

namespace cupola::store {

std::optional<std::string> find_setting(db::Session& db, std::string_view name);
void put_setting(db::Session& db, std::string_view name, std::string_view value);

}  // namespace cupola::store
