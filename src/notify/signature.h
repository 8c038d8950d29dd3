#pragma once

/// Signatures of Standard Webhooks (standard-webhooks/standard-webhooks,
/// spec/standard-webhooks.md): HMAC-SHA256 over "id.timestamp.body" under the bytes that the secret
/// has after `whsec_`.

#include <string>
#include <string_view>

#include "base/secret.h"
#include "base/time.h"
#include "net/client.h"

namespace cupola::notify {

/// "whsec_" and 32 random bytes in base64.
Secret new_webhook_secret();

/// "v1,<base64>". Throws Failure when the secret is none that `new_webhook_secret` made.
std::string signature_of(const Secret& secret, std::string_view id, std::int64_t timestamp,
                         std::string_view body);

/// webhook-id, webhook-timestamp and webhook-signature of an attempt at `now`.
net::Headers signed_headers(const Secret& secret, std::string_view id, Instant now,
                            std::string_view body);

}  // namespace cupola::notify
