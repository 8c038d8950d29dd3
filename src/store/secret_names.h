#pragma once

/// Which names secrets and variables may have.

#include <string_view>

#include "base/outcome.h"

namespace cupola::store {

/// The three that Cupola itself reads, for git; the first is never given to a run.
inline constexpr std::string_view git_ssh_key_name = "GIT_SSH_PRIVATE_KEY";
inline constexpr std::string_view git_token_name = "GIT_TOKEN";
inline constexpr std::string_view git_username_name = "GIT_USERNAME";

/// Names are [A-Za-z_][A-Za-z0-9_]*, at most 255 bytes, and not those that would take over the run
/// or the programs that hold it: they are refused with the reason. Errors: invalid.
Result<void> check_secret_name(std::string_view name);

}  // namespace cupola::store
