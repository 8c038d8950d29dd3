#pragma once

/// Which files a glob of `artifacts:` names. Pure.

#include <string_view>

namespace cupola::runner {

/// Whether `path` (relative, without `.` and `..`) is what the glob names, or lies in a folder that
/// it names. `*` is any text and `?` one byte of a name, `**` any number of folders; all else is
/// itself. Takes at most time proportional to the product of both lengths.
bool matches_glob(std::string_view glob, std::string_view path);

}  // namespace cupola::runner
