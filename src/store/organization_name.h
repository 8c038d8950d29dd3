#pragma once

/// Gives an organization another name.

#include <string_view>

#include "base/outcome.h"
#include "db/database.h"
#include "store/organizations.h"

namespace cupola::store {

/// What holds for the name of a new one holds here too. Errors: invalid, conflict (another one has
/// it).
Result<void> rename_organization(db::Session& db, const OrganizationKey& organization,
                                 std::string_view name);

}  // namespace cupola::store
