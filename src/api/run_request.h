#pragma once

/// What the words of someone who asks for a run mean in a release: pure. Private.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/outcome.h"
#include "store/release_content.h"

namespace cupola::api {

/// Either a schedule, or words for `meltano run`.
struct Meaning {
  const store::ContentSchedule* schedule = nullptr;
  std::vector<std::string> tasks;  ///< empty for a schedule
  /// That `meltano run tasks` takes without a suffix given by hand, where the release says so.
  std::optional<std::vector<std::string>> state_ids;
};

/// A schedule's or a job's name. A schedule that does nothing but run the job of its own name is
/// what is meant; any other two things of one name are refused (conflict, naming both). Errors:
/// not_found.
Result<Meaning> meaning_of_name(const store::ReleaseContent& content, const std::string& name);

/// Words from a command line: one word is a schedule, else a job, else a task; several are tasks.
Result<Meaning> meaning_of_words(const store::ReleaseContent& content,
                                 const std::vector<std::string>& words);

/// Words for `meltano run`. Errors: invalid (an option among them).
Result<Meaning> meaning_of_tasks(const store::ReleaseContent& content,
                                 const std::vector<std::string>& tasks);

/// Names and sizes of variables for one run. Errors: invalid.
Result<void> check_variables(const std::map<std::string, std::string>& variables);

}  // namespace cupola::api
