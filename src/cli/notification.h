#pragma once

/// What the commands about notifications share.

#include <string>
#include <string_view>

#include "cli/api.h"

namespace cupola::cli {

/// The notification that `word` names: its id, the beginning of it, or its recipient. Errors:
/// not_found; invalid, when several are meant.
Result<json::object> find_notification(const Api& api, const std::string& word);

}  // namespace cupola::cli
