#pragma once

/// What writes tell the other servers on the database (db::Session::tell), so that those need not
/// wait for their next look.

#include <string_view>

namespace cupola::store::topics {

/// A run was queued, is to stop, or let go of what another one waits for.
inline constexpr std::string_view runs = "runs";
/// A schedule was switched or deployed: its next fire is to be planned.
inline constexpr std::string_view schedules = "schedules";
/// A release was queued, or ended and lets the next one of its deployment come.
inline constexpr std::string_view releases = "releases";
/// Something happened that somebody is to be told.
inline constexpr std::string_view notifications = "notifications";

/// A token was revoked, a role changed, a member removed: what servers remember of them is void.
inline constexpr std::string_view people = "people";

}  // namespace cupola::store::topics
