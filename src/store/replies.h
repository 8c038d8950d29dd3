#pragma once

/// Answers to posts with an Idempotency-Key, so that a repeated post is done once.

#include <optional>
#include <string>

#include "base/id.h"
#include "base/time.h"
#include "db/database.h"

namespace cupola::store {

struct KeptReply {
  std::string request_hash;
  int status = 200;
  std::string body;
};
std::optional<KeptReply> find_reply(db::Session& db, const OrganizationKey& organization,
                                    std::string_view key);
/// False when one is there already.
bool keep_reply(db::Session& db, const OrganizationKey& organization, std::string_view key,
                const KeptReply& reply, Instant now);
std::int64_t delete_old_replies(db::Session& db, Instant before);

}  // namespace cupola::store
