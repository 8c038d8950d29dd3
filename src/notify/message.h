#pragma once

/// What a delivery tells, in words: the same for each format, and for each attempt.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "store/deliveries.h"

namespace cupola::notify {

struct CancellationReason {
  std::string code;    ///< user, superseded, deployment_deleted, shutdown
  std::string reason;  ///< a sentence
};

struct Message {
  std::string delivery;     ///< its id; the same over attempts
  std::string event;        ///< id of what happened
  std::string event_type;   ///< job_run, deploy, credits_low, test
  std::string run;          ///< 32 hex digits; those of the event where there was no run
  std::string status;       ///< succeeded, failed, cancelled, recovered, late
  std::string headline;     ///< "daily-transforms on prod (acme-data) failed"
  std::string description;  ///< the same with the first cause: "…: <cause>"
  std::optional<CancellationReason> cancellation;
  std::vector<std::string> others;  ///< descriptions of what is told in it too
  std::string subject_key;          ///< the same for all that is told of one schedule or job
  std::string link;                 ///< to the run; empty where the server's address is not known
  Instant at;                       ///< when it happened
};

/// `public_url` may be empty.
Message message_of(const store::Claim& claim, std::string_view public_url);

}  // namespace cupola::notify
