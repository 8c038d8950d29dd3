#pragma once

/// Requests that the server prepares and the cloud CLI then sends as they are, without a token: the
/// second answer is the real one.
///
/// What makes such a request valid is its ticket, in the query: signed, good once and for a short
/// time, for this method, path, body and sender alone. That it was used is a row, so that it holds
/// after a restart and on every server of the database. The sender's role is looked up when it
/// comes. Private.

#include <optional>
#include <string>

#include "api/route.h"
#include "base/json.h"

namespace cupola::api::cloud {

/// The reply that has the CLI send that method and body to the same path, or to the one `under` it.
Result<http::Reply> prepared_reply(const Call& call, http::Method method, const json::object& body,
                                   std::string_view under = "");

/// A URL with a ticket for the same path with that method, whatever its body.
Result<std::string> prepared_url(const Call& call, http::Method method);

/// Whether the request comes with a ticket.
bool is_prepared(const Call& call);

/// Of a path that takes nothing else. Errors: forbidden (it comes without a ticket).
Result<void> check_prepared(const Call& call);

/// Uses the ticket up; gives the hash of the token of whom it was prepared for. Errors: forbidden
/// (it is none, late, used, or for something else).
Result<std::string> redeem(const Call& call);

}  // namespace cupola::api::cloud
