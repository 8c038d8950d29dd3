#pragma once

/// What a person may name: the address of a repository, and a revision in it.
///
/// Both are checked before git sees them, so that no text is read as an option, a helper program
/// or an inner address (reliability: URL and revision injection). Pure functions.

#include <string>
#include <string_view>

#include "base/outcome.h"

namespace cupola::git {

/// Accepts, and gives back without white space at either end:
///
///     https://host[:port]/path      ssh://[user@]host[:port]/path      [user@]host:path
///     /absolute/path, file:///path  only when the operator allows local repositories
///
/// Refused (Error::Kind::invalid): other protocols (ext::, git://, http://), host or user that
/// begins with a dash, control characters and blanks, a password in the address, and, unless local
/// repositories are allowed, a host that is this machine or link-local in any spelling.
Result<std::string> check_url(std::string_view text, bool allow_local);

/// Accepts a branch or tag as git-check-ref-format(1) has it, or a commit of 40 hex digits.
/// Refused (Error::Kind::invalid): a dash in front, `..`, `@{`, blanks, control characters,
/// `~ ^ : ? * [ \`, `refs/` in front, more than 255 bytes.
Result<std::string> check_revision(std::string_view text);

/// Whether an address that `check_url` gave is asked over ssh.
bool is_ssh(std::string_view url);

/// Whether the text is a commit in full: 40 hex digits in lower case.
bool is_commit(std::string_view text);

/// The text with the user information of each URL in it replaced by `***`.
std::string without_credentials(std::string_view text);

}  // namespace cupola::git
