#pragma once

/// Telling the audit log of a change. Every handler that changes something calls it, once, in the
/// transaction of the change: a test walks the routes for those that do not. Private.

#include <string>

#include "api/route.h"
#include "base/json.h"

namespace cupola::api {

struct Change {
  std::string action;      ///< "project.create": a kind of store::audit_kinds, a dot and a verb …
  std::string kind;        ///< … or the verb alone there, and the kind here
  std::string name;        ///< of the thing
  std::string id;          ///< its id outside, where it has one
  std::string project;     ///< names of where it is
  std::string deployment;  ///< likewise
  json::value before;      ///< an object; never with a secret
  json::value after;       ///< an object; never with a secret
};

/// Adds who called, when and from where to the change, and keeps it.
void audit(const Call& call, db::Session& db, const Change& change);
/// The same where the call itself has no sender yet, or another: by this member.
void audit_as(const store::Member& member, const Call& call, db::Session& db, const Change& change);

}  // namespace cupola::api
