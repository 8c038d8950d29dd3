#pragma once

/// Taking single streams out of a Singer state.

#include <string>
#include <string_view>
#include <vector>

#include "store/states.h"

namespace cupola::store {

/// The streams that a payload has bookmarks of, sorted: members of `bookmarks` in the completed and
/// the partial Singer state; of the Singer state itself where it has no `bookmarks`; and names in
/// the list `airbyte_state`.
std::vector<std::string> streams_of(std::string_view payload);

/// The payload without the bookmarks of these streams; all else stays. What says that one of them
/// was being read (`currently_syncing`) goes too. Errors: not_found, with the streams there are,
/// when one has no bookmark; invalid (no payload).
Result<std::string> without_streams(std::string_view payload,
                                    const std::vector<std::string>& streams);

/// A new version without these streams. Errors: those, not_found (no such state), conflict while a
/// run holds the state id.
Result<StateVersion> forget_streams(db::Session& db, const OrganizationKey& organization,
                                    const ProjectKey& project, std::string_view state_id,
                                    const std::vector<std::string>& streams, Instant now);

}  // namespace cupola::store
