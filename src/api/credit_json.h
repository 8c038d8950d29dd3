#pragma once

/// Credits in requests and replies. Private.

#include <optional>

#include "api/input.h"
#include "base/json.h"
#include "credits/amount.h"
#include "credits/month.h"

namespace cupola::api {

json::value number(credits::Amount amount);
json::value or_null(const std::optional<credits::Amount>& amount);

/// A reply with its numbers as people write them.
http::Reply plain_reply(int status, const json::object& body);

/// The body's member as an amount; empty where it is absent or null.
std::optional<credits::Amount> amount_in(Body& body, std::string_view name);

/// ?month=, or the present one.
credits::Day month_in(Query& query, Instant now);

/// Why nothing is to start for the caller's organization: it has no credits left. Empty where
/// something may.
std::optional<Error> out_of_credits(const Call& call, db::Session& db);

}  // namespace cupola::api
