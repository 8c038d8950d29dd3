#pragma once

/// Claims that the server gave out and gets back: JSON Web Tokens (RFC 7519), HS256.

#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/time.h"
#include "store/vault.h"

namespace cupola::auth {

/// What a token is for. Each kind is signed with a key of its own, so that none passes for another.
enum class Purpose {
  id_token,      ///< of the cloud CLI, to the API
  access_token,  ///< of the cloud CLI, to ask whether it is signed in
  ticket,        ///< for one request that was prepared
  sign_in_form,  ///< of the page that asks for a password
  consent_form,  ///< of the page that asks what may be given
};

/// A token with these claims, and "exp", after which it is none.
std::string sign_claims(const store::Vault& vault, Purpose purpose, json::object claims,
                        Instant expires_at);

/// Its claims; nothing unless the server signed it for this purpose and it has not expired.
std::optional<json::object> verified_claims(const store::Vault& vault, Purpose purpose,
                                            std::string_view token, Instant now);

/// Whether the text has the shape of a JSON Web Token.
bool is_claims_token(std::string_view text);

}  // namespace cupola::auth
