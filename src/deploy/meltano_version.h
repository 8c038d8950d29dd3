#pragma once

/// Which versions of the official `meltano` run projects.

namespace cupola::deploy {

/// Used where a project's `requires_meltano` does not ask for another one.
inline constexpr const char* pinned_meltano = "4.4.1";

/// The oldest with which every way of running was tried: it is the first whose `run` has
/// `--no-install`.
inline constexpr const char* oldest_meltano = "3.5.0";

}  // namespace cupola::deploy
