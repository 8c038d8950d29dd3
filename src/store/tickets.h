#pragma once

/// What is signed for one use: which of it was used.

#include <string_view>

#include "base/time.h"
#include "db/database.h"

namespace cupola::store {

/// True for the first who asks with that id; of two that ask at once, for one. Kept until
/// `expires_at`: what is older must be turned down by its time.
bool use_ticket(db::Session& db, std::string_view id, Instant expires_at, Instant now);

}  // namespace cupola::store
