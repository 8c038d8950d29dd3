#pragma once

namespace cupola::app {

/// Of this build, as `cupola --version` prints it.
inline constexpr const char* version = CUPOLA_VERSION;

}  // namespace cupola::app
