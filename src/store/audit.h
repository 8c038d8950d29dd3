#pragma once

/// The audit log: who changed what, when, from where, before and after. Append only: rows are added
/// in the transaction of the change, and go when they are older than the operator wants kept.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/id.h"
#include "base/time.h"
#include "db/database.h"

namespace cupola::store {

/// What changes are of. An action is one of them, a dot and a verb: "project.create". Whoever adds
/// a kind of thing that can be changed adds it here.
std::span<const std::string_view> audit_kinds();
bool is_audit_kind(std::string_view kind);
/// "project.create" has the kind "project"; empty where there is no dot.
std::string_view kind_of_action(std::string_view action);

enum class ActorKind {
  user,
  service_account,
  admin,   ///< `cupola admin`, on the server's machine
  server,  ///< the server by itself
};
std::string_view to_text(ActorKind kind);

struct AuditEntry {
  std::string id;  ///< given by add_audit
  OrganizationKey organization;
  Instant at;
  ActorKind actor_kind = ActorKind::user;
  std::string actor;                      ///< a login, or a service account's name
  std::optional<std::string> token;       ///< id of the token that was used
  std::optional<std::string> peer;        ///< address that the request came from
  std::optional<std::string> request_id;  ///< as in the reply, and in the server's log
  std::string action;                     ///< "project.create"; its kind must be known
  std::string name;                       ///< of the thing; cut where it is long
  std::optional<std::string> thing_id;    ///< its id outside, where it has one
  std::optional<std::string> project;     ///< names of where the thing is
  std::optional<std::string> deployment;
  std::optional<std::string> before;  ///< JSON; never with a secret
  std::optional<std::string> after;   ///< JSON; never with a secret
};

/// Adds the entry, in the transaction of the change that it tells of.
void add_audit(db::Session& db, const AuditEntry& entry);

struct AuditFilter {
  std::string actor;  ///< empty: any
  std::string action;
  std::string kind;
  std::optional<Instant> since;  ///< at or after
  std::optional<Instant> until;  ///< before
  /// Time and id of the last one seen.
  std::optional<std::pair<Instant, std::string>> after;
};
/// Newest first.
std::vector<AuditEntry> list_audit(db::Session& db, const OrganizationKey& organization,
                                   const AuditFilter& filter, int limit);

/// Deletes at most `limit` entries of the organization from before `before`; gives how many. The
/// only thing that takes entries away.
std::int64_t delete_old_audit(db::Session& db, const OrganizationKey& organization, Instant before,
                              int limit);

}  // namespace cupola::store
