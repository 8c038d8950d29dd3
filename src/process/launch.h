#pragma once

/// What is agreed with cupola-launch, the small program that is the last step into a sandbox: it
/// changes the user, drops every capability, sets limits, loads the filter of system calls, and
/// becomes the run's program. Inner to `process`, but for `launch_mark`.
///
/// On its descriptor `--report` it writes `launch_mark` when it begins. If it fails it writes why;
/// else the kernel closes the descriptor in the moment in which it has become the program.

#include <string_view>

namespace cupola::process {

/// The launcher was reached: what comes after it on the report is its failure.
constexpr char launch_mark = '.';

/// Before names of variables that the helpers on the way must not see, taken off in the end.
constexpr std::string_view late_prefix = "CUPOLA_LATE_";

}  // namespace cupola::process
