#pragma once

/// Whether a request may come in: who sends it, with which role, and whether its token reaches what
/// the path names. The one place that decides it, for every route. Private.

#include "api/route.h"

namespace cupola::api {

/// Finds the sender, into `call.member`. Errors: unauthorized; forbidden (the role is too low, or
/// the token's limit leaves nothing of the route); not_found (what the path names is beyond the
/// token's limit, which is told as if it were not there).
Result<void> admit(Call& call, const Route& route);

/// The reply's stream as long as its caller would be admitted: looked at once a second, so that who
/// was taken a token or a role hears no more of it. One that is no event stream breaks off then.
std::function<http::StreamStep()> while_admitted(const Call& call, const Route& route,
                                                 http::Reply&& reply);

/// What a role may call: the routes of this access and of those below it.
Access access_of(store::Role role);

/// "viewer", "operator" …, or "anyone".
std::string_view to_text(Access access);

}  // namespace cupola::api
