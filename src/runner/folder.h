#pragma once

/// The work folder of a run: made before the start, wiped after the end.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/home.h"
#include "process/sandbox.h"
#include "runner/command.h"
#include "store/release_content.h"
#include "store/runs.h"

namespace cupola::runner {

struct PreparedFolder {
  std::filesystem::path folder;
  std::filesystem::path states;  ///< on the host
  Layout layout;                 ///< as the run sees it
  process::Sandbox sandbox;
};

/// Makes the folder and says how the run sees it: the sealed checkout at /repository under an
/// overlay of its own (a copy where there is none), the project's directory there with
/// plugin environments linked into .meltano, what outlives runs bound over it, state at /state.
/// `uid` owns what the run may write. Throws Failure (disk full, not writable).
PreparedFolder prepare_folder(const Home& home, const store::Run& run,
                              const store::ReleaseContent& content, const process::Support& support,
                              std::optional<unsigned> uid);

/// The run's own layer over the checkout (a copy of it, where there is no overlay).
std::filesystem::path own_layer(const Home& home, const RunId& run);
/// Where what the deployment persists at `path` of the project lies; no run can replace it.
std::filesystem::path persisted_folder(const Home& home, const DeploymentKey& deployment,
                                       std::string_view path);

/// Writes the folder's `start` file, which names the attempt and this one start of it, and returns
/// what it holds: for the RunSpec. Throws Failure.
std::string write_start(const std::filesystem::path& folder, int attempt);
/// The attempt that the folder was made for; none in one that was not made ready.
std::optional<int> attempt_in(const std::filesystem::path& folder);

/// The uid that owns the run's own files, so that a restarted server knows its slot.
std::optional<unsigned> owner_of(const std::filesystem::path& folder);

}  // namespace cupola::runner
