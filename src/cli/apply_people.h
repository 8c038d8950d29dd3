#pragma once

/// Members and service accounts of `cupola apply`.

#include <string>
#include <vector>

#include "cli/apply_steps.h"

namespace cupola::cli {

/// As `steps_to`, of these alone. Who is named by an e-mail address and is no member is invited,
/// once: an invitation to the address that is open, or that a member accepted, is that person's.
/// `prune` revokes every other one that is open.
Result<std::vector<Step>> people_steps(const Api& api, const std::string& file,
                                       const WantedOrganization& wanted, bool prune);

}  // namespace cupola::cli
