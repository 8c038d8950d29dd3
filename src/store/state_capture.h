#pragma once

/// Writing the states of a run that goes, for the files of this module that hold its lease.

#include "store/states.h"

namespace cupola::store {

struct StateOwner {
  OrganizationKey organization;
  ProjectKey project;
};

struct StateWriter {
  RunId run;
  bool final = false;  ///< whether the run ends with this
};

/// Each payload that differs from the newest version: into the run's own open version, or a new
/// one. What is no JSON object is left out and logged: a run must be able to end.
void write_states(db::Session& db, const StateOwner& owner, const StateWriter& writer,
                  const std::vector<CapturedState>& states, Instant now);

/// The versions that the run wrote change no more.
void make_states_final(db::Session& db, const RunId& run, Instant now);

}  // namespace cupola::store
