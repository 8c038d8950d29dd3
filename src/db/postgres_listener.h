#pragma once

/// PostgreSQL's LISTEN: hears what other servers' transactions told.

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "db/database.h"

namespace cupola::db {

/// Listens on a connection of its own, opened again each second while it is lost. What came with
/// `origin` is passed over. See Database::listen.
std::unique_ptr<Listener> listen_on_postgres(const std::string& uri, const std::string& description,
                                             const std::string& origin,
                                             std::function<void(std::string_view topic)> heard);

}  // namespace cupola::db
