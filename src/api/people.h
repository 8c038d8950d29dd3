#pragma once

/// What the handlers for people share. Private.

#include <optional>
#include <string>
#include <utility>

#include "api/input.h"
#include "api/route.h"
#include "store/organizations.h"

namespace cupola::api {

/// The body's member as a role; empty when it is absent and need not be there.
std::optional<store::Role> role_in(Body& body, std::string_view name, bool required);

/// Somebody was taken something: what is remembered of people is void from now on. Gives the reply.
Result<http::Reply> forgetting(const Call& call, Result<http::Reply> reply);

/// The reply to a post that made a secret, which stands in it under "token". A repeated post gets
/// the reply that was kept, without the secret: nobody keeps that.
Result<http::Reply> with_token(Result<http::Reply> reply, std::string_view token);

}  // namespace cupola::api
