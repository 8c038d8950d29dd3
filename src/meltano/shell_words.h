#pragma once

/// Splitting text into words as Python's shlex.split does (POSIX rules, no comments): `pip_url` and
/// the arguments of commands are such texts.

#include <string>
#include <string_view>
#include <vector>

#include "base/outcome.h"

namespace cupola::meltano {

/// Fails (invalid) for a quote that is not closed or a backslash at the end.
Result<std::vector<std::string>> shell_words(std::string_view text);

}  // namespace cupola::meltano
