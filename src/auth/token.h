#pragma once

/// API tokens: how they look, and what is kept of them.

#include <string>
#include <string_view>

#include "base/secret.h"

namespace cupola::auth {

/// A new token: "cup_" and 256 random bits in 43 letters of base64url. It is shown once; only its
/// hash is kept. Throws Failure when the system gives no random bytes.
Secret new_token();

/// The same for an invitation's link: "inv_" and 43 letters. Never taken for a token of the API.
Secret new_invitation_token();
bool is_invitation_token(std::string_view text);

/// Whether the text has the shape of a token; says nothing about whether there is such a one.
bool is_token(std::string_view text);

/// The token of "Bearer TOKEN"; empty for any other scheme.
std::string_view bearer_of(std::string_view authorization);

/// What the store keeps of either: SHA-256 in hex. A token has too many bits to be guessed from it.
std::string token_hash(std::string_view token);

}  // namespace cupola::auth
