#pragma once

/// Invitations as the API shows them, to who makes them and to who is invited. Private.

#include "base/json.h"
#include "base/outcome.h"
#include "store/invitations.h"

namespace cupola::api {

json::object to_json(const store::Invitation& invitation, Instant now);
/// What the audit log keeps of it.
json::object settings_of(const store::Invitation& invitation);
/// Why an invitation that is not open cannot be used. Errors: conflict.
Error not_open(const store::Invitation& invitation, Instant now);

}  // namespace cupola::api
