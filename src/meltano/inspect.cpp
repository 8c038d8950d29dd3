#include "meltano/checks.h"
#include "meltano/load.h"
#include "meltano/lock_files.h"
#include "meltano/project.h"
#include "meltano/read.h"

namespace cupola::meltano {
namespace {

namespace fs = std::filesystem;

/// The project's folder relative to the root; empty when it is not inside.
fs::path relative_folder(const fs::path& root, const fs::path& directory) {
  fs::path folder = directory.lexically_normal();
  if (directory.is_absolute()) {
    folder = fs::absolute(directory).lexically_normal().lexically_relative(
        fs::absolute(root).lexically_normal());
  }
  if (folder.empty()) folder = ".";
  if (folder.is_absolute() || *folder.begin() == "..") return {};
  return folder;
}

}  // namespace

Inspection inspect(const fs::path& root, const fs::path& directory) {
  Inspection inspection;
  Report report;
  const fs::path folder = relative_folder(root, directory);
  if (folder.empty()) {
    report.add_file("meltano.yml");
    report.reject({}, "The project's folder lies outside the repository.",
                  "Name a folder inside the repository, without '..'.");
  } else {
    const Loaded loaded = load(root, folder, report);
    if (loaded.tree) {
      inspection.project = read_project(*loaded.tree, report);
      read_lock_files(root, folder, inspection.project, report);
      if (loaded.whole) check_references(inspection.project, report);
    }
  }
  inspection.faults = report.take();
  for (const Fault& fault : inspection.faults) inspection.ok = inspection.ok && !fault.rejects;
  return inspection;
}

}  // namespace cupola::meltano
