#pragma once

/// What both the project and Cupola say something about: variables, and who keeps the state.

#include "deploy/content.h"

namespace cupola::deploy {

/// A root `env:` of meltano.yml beats the environment that a run is started in, so a secret or a
/// variable of the same name has no effect: a warning for each.
void add_overruled(Judged& judged, const meltano::Project& project, const Source& source);

/// `state: project` under `annotations: cupola:` lets a project keep its own `state_backend`; else
/// Cupola keeps the state, and a backend that is named is a warning. Enters which holds. Fatal: the
/// annotation with another value, or without a backend that outlives a run.
void decide_state(Judged& judged, const meltano::Project& project);

}  // namespace cupola::deploy
