#pragma once

/// A schedule that a request names, as it is shown and told apart from what it was. Private; in
/// schedules.cpp.

#include <string>

#include "api/lookup.h"
#include "base/json.h"

namespace cupola::api {

struct FoundSchedule {
  Place place;
  store::Schedule schedule;
};

/// {project}, {deployment} and {schedule}. Errors: not_found.
Result<FoundSchedule> schedule_of(const Call& call, db::Session& db);
/// The same for a write that looks first: nobody else changes it until the transaction ends.
Result<FoundSchedule> held_schedule_of(const Call& call, db::Session& db);

/// One schedule by itself, with what became of its fires.
json::object shown(db::Session& db, const FoundSchedule& found, Instant now);
/// The ETag of what can be changed of it.
std::string tag_of(const store::Schedule& schedule);

}  // namespace cupola::api
