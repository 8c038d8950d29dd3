#pragma once

/// Two people who change one thing: who changes what he saw says so with If-Match (RFC 9110,
/// section 13.1.1). Private.

#include <optional>
#include <string>

#include "api/route.h"
#include "base/json.h"
#include "store/deployments.h"

namespace cupola::api {

/// A tag for what can be changed of a thing: the same as long as that is.
std::string etag_of(const json::object& settings);

/// Of its settings and its live release.
std::string etag_of(const store::Deployment& deployment);

http::Reply tagged_reply(int status, const json::object& body, const std::string& etag);

/// The refusal (412) of a request whose If-Match names other tags than `etag`; nothing where it has
/// none, or the right one. Ask inside the transaction of the change, of what was read after
/// store::hold.
std::optional<http::Reply> mismatch(const Call& call, const std::string& etag);

}  // namespace cupola::api
