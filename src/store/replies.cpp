#include "store/replies.h"

namespace cupola::store {

std::optional<KeptReply> find_reply(db::Session& db, const OrganizationKey& organization,
                                    std::string_view key) {
  return db.one(
      R"sql(SELECT request_hash, status, body FROM replies
      WHERE organization_key = :organization AND idempotency_key = :key)sql",
      [](const db::Row& row) {
        return KeptReply{.request_hash = row.get<std::string>(0),
                         .status = row.get<int>(1),
                         .body = row.get<std::string>(2)};
      },
      {{"organization", organization}, {"key", key}});
}

bool keep_reply(db::Session& db, const OrganizationKey& organization, std::string_view key,
                const KeptReply& reply, Instant now) {
  return db.execute(R"sql(
      INSERT INTO replies (organization_key, idempotency_key, request_hash, status, body, created_at)
      VALUES (:organization, :key, :request_hash, :status, :body, :now)
      ON CONFLICT DO NOTHING)sql",
                    {{"organization", organization},
                     {"key", key},
                     {"request_hash", reply.request_hash},
                     {"status", reply.status},
                     {"body", reply.body},
                     {"now", now}}) == 1;
}

std::int64_t delete_old_replies(db::Session& db, Instant before) {
  return db.execute("DELETE FROM replies WHERE created_at < :before", {{"before", before}});
}

}  // namespace cupola::store
