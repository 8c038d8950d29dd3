#pragma once

/// What a rotation of the key asks of each table with sealed columns. Private.

#include <string>
#include <string_view>

#include "db/database.h"

namespace cupola::store {

class Resealing {
 public:
  virtual ~Resealing() = default;
  virtual std::string reseal(std::string_view sealed, std::string_view context) = 0;
};

void reseal_secrets(db::Session& db, Resealing& with);        // secrets.cpp
void reseal_notifications(db::Session& db, Resealing& with);  // notifications.cpp
void reseal_invitations(db::Session& db, Resealing& with);    // invitation_mails.cpp

}  // namespace cupola::store
