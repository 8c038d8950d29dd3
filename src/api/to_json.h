#pragma once

/// Stored things as the API shows them. Keys (inner names) never get into it. Private.

#include <optional>
#include <string>
#include <vector>

#include "api/lookup.h"
#include "base/json.h"
#include "store/attempts.h"
#include "store/deployments.h"
#include "store/projects.h"
#include "store/runs.h"
#include "store/schedules.h"
#include "store/states.h"

namespace cupola::api {

json::value or_null(const std::optional<Instant>& instant);
json::value or_null(const std::optional<std::string>& text);
json::array texts(const std::vector<std::string>& list);

json::object to_json(const store::Project& project);
/// What people chose of it: for its ETag and the audit log.
json::object settings_of(const store::Project& project);
json::object settings_of(const store::Deployment& deployment);
json::object to_json(const store::Release& release);
/// Reads its live and its last release.
json::object to_json(const store::Deployment& deployment, const store::Project& project,
                     db::Session& db);
/// With the next three fires after `now` where it is switched on.
json::object to_json(const store::Schedule& schedule, const store::Project& project,
                     const store::Deployment& deployment, Instant now);
/// `with_payload`: whether the state itself is shown.
json::object to_json(const store::StateVersion& state, bool with_payload);

/// The run as one JSON object.
std::string to_json_text(const store::ListedRun& listed);
/// The same with its attempts before the present one.
std::string to_json_text(const store::ListedRun& listed,
                         const std::vector<store::Attempt>& attempts);

}  // namespace cupola::api
