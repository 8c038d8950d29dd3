#pragma once

/// Reading the database of another program: nothing is migrated and nothing is written.

#include <functional>
#include <string>

#include "db/database.h"

namespace cupola::db {

/// Calls `work` in a read-only transaction on "sqlite:PATH" or "postgresql://…". Throws Failure
/// when there is no such file, the server cannot be reached, or a statement cannot be run.
void read_foreign(const std::string& url, const std::function<void(Session&)>& work);

}  // namespace cupola::db
