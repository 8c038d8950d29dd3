#pragma once

/// The shapes in which a secret value shows up in output: as it is, and encoded.

#include <string>
#include <string_view>
#include <vector>

#include "base/secret.h"

namespace cupola::logs {

/// All shapes of `value` that are looked for (docs/design/log-format.md lists them), each at least
/// `shortest_masked` bytes, sorted, none twice. Empty when the trimmed value is too short.
std::vector<std::string> secret_forms(std::string_view value);

}  // namespace cupola::logs
