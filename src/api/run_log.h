#pragma once

/// A run's log, as handlers read it. Private; in run_log.cpp.

#include <optional>

#include "api/route.h"
#include "logs/meltano_line.h"
#include "logs/reader.h"
#include "store/runs.h"

namespace cupola::api {

/// The log's file, or nothing where the run has written none yet. Errors: not_found (it is no
/// longer kept).
Result<std::optional<logs::Reader>> open_log(const Call& call, const store::Run& run);

/// What a line says: as meltano's lines are read; one of the platform is its own text.
logs::MeltanoLine said_in(const logs::Line& line);

}  // namespace cupola::api
