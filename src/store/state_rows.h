#pragma once

/// How versions of state lie in their table, for the files of this module that write them.

#include "store/state_capture.h"

namespace cupola::store {

/// Non-empty UTF-8 without control characters, at most 1,000 bytes.
bool is_state_id(std::string_view text);
/// A JSON object in UTF-8.
bool is_state_payload(std::string_view text);

struct NewVersion {
  std::string state_id;
  std::string payload;
  StateOrigin origin = StateOrigin::run;
  std::optional<RunId> run;
  bool final = true;
};
/// The version after the newest one.
StateVersion add_state_version(db::Session& db, const StateOwner& owner, const NewVersion& added,
                               Instant now);

/// The lock of a state id, held by nobody's run while a hand changes it: until `give_back_state`,
/// or until the transaction is undone. Errors: conflict, with the run that holds it.
Result<void> hold_state(db::Session& db, const ProjectKey& project, std::string_view state_id,
                        Instant now);
void give_back_state(db::Session& db, const ProjectKey& project, std::string_view state_id);

}  // namespace cupola::store
