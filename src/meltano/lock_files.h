#pragma once

/// Lock files: the definitions of plugins that name neither a namespace nor a plugin to inherit
/// from. Official Meltano asks its hub for those that are missing; Cupola never does.

#include <filesystem>

#include "meltano/project.h"
#include "meltano/report.h"

namespace cupola::meltano {

/// Whether the plugin's definition comes from a lock file: it carries none itself, and inherits
/// from no other plugin of the project.
bool needs_lock_file(const Project& project, const Plugin& plugin);

/// "plugins/extractors/tap-csv--meltanolabs.lock". Without a `variant` official Meltano looks for
/// the variant "default".
std::string lock_file_path(const Plugin& plugin);

/// Reads the lock files that the project's plugins need; one that is missing or no JSON is a fault.
void read_lock_files(const std::filesystem::path& root, const std::filesystem::path& folder,
                     Project& project, Report& report);

}  // namespace cupola::meltano
