#pragma once

/// Holds one run from its start to its result. Inner to `supervisor`.

#include "supervisor/spec.h"

namespace cupola::supervisor {

/// Does all that spec.h promises, on the one thread of this process, which is changed by it for
/// good (signals, mounts, children). Comes back when the result is written. Throws Failure when
/// even that cannot be.
void supervise(const RunSpec& spec);

}  // namespace cupola::supervisor
