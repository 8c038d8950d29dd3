#include "store/heartbeats.h"

namespace cupola::store {

std::vector<Heartbeat> list_heartbeats(db::Session& db) {
  return db.all(
      "SELECT key, heartbeat_url FROM organizations WHERE heartbeat_url IS NOT NULL ORDER BY key",
      [](const db::Row& row) {
        return Heartbeat{.organization = row.get<OrganizationKey>(0),
                         .url = row.get<std::string>(1)};
      });
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
  db.execute("UPDATE organizations SET heartbeat_url = :url WHERE key = :organization",
             {{"url", url}, {"organization", organization}});
}

}  // namespace cupola::store
