#pragma once

/// Faults that official Meltano meets only when the thing is used: names that name nothing, names
/// used twice, circles of inheritance.

#include "meltano/project.h"
#include "meltano/report.h"

namespace cupola::meltano {

/// Reports them for a project that was read whole.
void check_references(const Project& project, Report& report);

}  // namespace cupola::meltano
