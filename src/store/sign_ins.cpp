#include "store/sign_ins.h"

namespace cupola::store {

void forget_ended_sign_ins(db::Session& db, const UserKey& user, Instant now) {
  db.execute(R"sql(
      DELETE FROM tokens WHERE user_key = :user AND browser IS NOT NULL
        AND (expires_at <= :now OR revoked_at IS NOT NULL))sql",
             {{"user", user}, {"now", now}});
}

}  // namespace cupola::store
