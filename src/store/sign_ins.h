#pragma once

/// Tokens that were given to a browser's user for a sign-in: many, and each for a short time.

#include "base/id.h"
#include "base/time.h"
#include "db/database.h"

namespace cupola::store {

/// Removes those of the user that are expired or revoked, so that lists do not fill with them.
void forget_ended_sign_ins(db::Session& db, const UserKey& user, Instant now);

}  // namespace cupola::store
