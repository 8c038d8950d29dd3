#pragma once

/// Passwords: Argon2id hashes, by libsodium.

#include <string>

#include "base/outcome.h"
#include "base/secret.h"

namespace cupola::auth {

/// The hash to keep, with its own salt and cost in it; takes 64 MiB and a tenth of a second.
/// Errors: invalid (shorter than 10 or longer than 1,024 bytes). Throws Failure when the memory is
/// not to be had.
Result<std::string> hash_password(const Secret& password);

/// Whether the hash was made of this password; false for what is no such hash.
bool is_password(const std::string& hash, const Secret& password);

}  // namespace cupola::auth
