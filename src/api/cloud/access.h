#pragma once

/// Who asks as the cloud CLI does, and how it is told why not. Private.

#include <string>
#include <string_view>

#include "api/route.h"

namespace cupola::api::cloud {

/// The sender of a request under a path with {organization} and perhaps {project}, which is there
/// then, and named by its id: by a sign-in's
/// id token, by a token of the API, or by the ticket of a request that was prepared (which is used
/// up by that). Errors: forbidden, whatever is wrong with the token, or where an id in the path is
/// one that it was given but is no longer that; not_found (there is no such project).
Result<store::Member> authenticate(const Call& call);

/// The SHA-256 under which the sender's token is kept.
Result<std::string> token_hash_of(const Call& call);

/// The token of "Authorization: Bearer TOKEN"; empty where there is none.
std::string_view bearer_of(const http::Request& request);

/// Puts why a request was refused beside the status: the CLI shows nothing else. Leaves what is no
/// problem alone.
void explain(http::Reply& reply);

}  // namespace cupola::api::cloud
