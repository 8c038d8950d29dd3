#pragma once

/// What a notification is for: which events, which statuses, which schedules.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/outcome.h"

namespace cupola::store {

/// What all but `nothing` members say must be so.
struct NotificationFilter {
  std::optional<std::vector<std::string>> events;  ///< of: job_run, deploy, credits_low
  /// Of: succeeded, failed, cancelled; recovered (succeeded after a failure); late.
  std::optional<std::vector<std::string>> status;
  std::optional<std::vector<std::string>> schedules;  ///< names
};

/// Reads a list of {"events", "status", "schedules"}. No filter at all is one without a word.
/// Errors: invalid, naming the place: "filters[0].status is empty".
Result<std::vector<NotificationFilter>> parse_filters(const json::value& value);
json::array to_json(const std::vector<NotificationFilter>& filters);

/// What happened, as far as filters ask.
struct Occurrence {
  std::string_view event;
  std::string_view status;
  std::string_view schedule;  ///< empty: of none
};

/// Whether any of the filters takes it, or there is none and it is of the ordinary kind. Events but
/// job_run, and the statuses recovered and late, are for those who name them: an absent `events` is
/// job_run, an absent `status` is all but those two. The event credits_low has no status.
bool wants(const std::vector<NotificationFilter>& filters, const Occurrence& occurrence);

/// Whether the status stands in one of them by name.
bool names_status(const std::vector<NotificationFilter>& filters, std::string_view status);

}  // namespace cupola::store
