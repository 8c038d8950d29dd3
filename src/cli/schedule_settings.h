#pragma once

/// Settings of schedules: `cupola schedule set`, and how `schedule show` tells where each comes
/// from.

#include "base/json.h"
#include "cli/command.h"
#include "cli/table.h"

namespace cupola::cli {

/// Each setting with its value, its source, and what meltano.yml says where the API holds over it.
Table table_of_settings(const json::object& schedule);

void add_schedule_set_command(CLI::App* schedule, Context& context);

}  // namespace cupola::cli
