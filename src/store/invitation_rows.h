#pragma once

/// Rows of invitations as `Invitation`s. Private.

#include "store/invitations.h"

namespace cupola::store {

/// Of `invitations i`, in the order of `to_invitation`.
#define INVITATION_COLUMNS                                                                 \
  "i.id, i.organization_key, i.role, coalesce(i.email, ''), i.invited_by, i.created_at,"   \
  " i.expires_at, i.accepted_at, i.accepted_by, i.revoked_at, i.mailed_at, i.mail_status," \
  " i.mail_tries, i.mail_error, i.mail_next_at"
inline constexpr int invitation_columns = 15;

Invitation to_invitation(const db::Row& row);

}  // namespace cupola::store
