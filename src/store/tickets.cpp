#include "store/tickets.h"

namespace cupola::store {

bool use_ticket(db::Session& db, std::string_view id, Instant expires_at, Instant now) {
  db.execute("DELETE FROM used_tickets WHERE expires_at < :now", {{"now", now}});
  return db.execute(R"sql(
      INSERT INTO used_tickets (id, expires_at) VALUES (:id, :expires_at)
      ON CONFLICT DO NOTHING)sql",
                    {{"id", id}, {"expires_at", expires_at}}) == 1;
}

}  // namespace cupola::store
