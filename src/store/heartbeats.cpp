#include "store/heartbeats.h"

namespace cupola::store {

std::vector<Heartbeat> claim_heartbeats(db::Session& db, Instant now,
                                        std::chrono::milliseconds every) {
  return db.all(
      R"sql(UPDATE organizations SET heartbeat_at = :now
            WHERE heartbeat_url IS NOT NULL
              AND (heartbeat_at IS NULL OR heartbeat_at <= :before OR heartbeat_at > :now)
            RETURNING key, heartbeat_url)sql",
      [](const db::Row& row) {
        return Heartbeat{.organization = row.get<OrganizationKey>(0),
                         .url = row.get<std::string>(1)};
      },
      {{"now", now}, {"before", now - every}});
}

bool has_heartbeats(db::Session& db) {
  return db
      .one("SELECT 1 FROM organizations WHERE heartbeat_url IS NOT NULL LIMIT 1",
           [](const db::Row& row) { return row.get<int>(0); })
      .has_value();
}

std::optional<std::string> heartbeat_of(db::Session& db, const OrganizationKey& organization) {
  return db
      .one("SELECT heartbeat_url FROM organizations WHERE key = :organization",
           [](const db::Row& row) { return row.get<std::optional<std::string>>(0); },
           {{"organization", organization}})
      .value_or(std::nullopt);
}

void set_heartbeat(db::Session& db, const OrganizationKey& organization,
                   const std::optional<std::string>& url) {
  db.execute(
      "UPDATE organizations SET heartbeat_url = :url, heartbeat_at = NULL"
      " WHERE key = :organization",
      {{"url", url}, {"organization", organization}});
}

}  // namespace cupola::store
