#pragma once

/// The mail that brings an invitation's link.

#include <string>

#include "base/time.h"
#include "notify/mail.h"

namespace cupola::notify {

struct Invited {
  std::string id;  ///< of the invitation
  std::string organization;
  std::string role;
  std::string invited_by;
  std::string link;
  Instant expires_at;
};
Letter invitation_letter(const Invited& invited);

}  // namespace cupola::notify
