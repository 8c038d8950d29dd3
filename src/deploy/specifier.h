#pragma once

/// Version specifiers of Python packages (PEP 440), as far as plain release numbers go.
///
/// Pure. Versions with letters (pre-releases, post-releases, local ones) match nothing here: the
/// resolver decides about them.

#include <optional>
#include <string_view>

namespace cupola::deploy {

/// Less than zero, zero or more as `a` is older, as old as, or newer than `b`; missing parts count
/// as 0. Empty unless both are numbers separated by dots.
std::optional<int> compare_versions(std::string_view a, std::string_view b);

/// Whether `version` fits all clauses of `specifier`, such as ">=3.5, !=4.0.*, <5" or "~=4.1". An
/// empty specifier fits. Empty when either cannot be read.
std::optional<bool> fits(std::string_view version, std::string_view specifier);

}  // namespace cupola::deploy
