#include "runner/capture.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "base/files.h"
#include "base/json.h"
#include "base/text.h"

namespace cupola::runner {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_states = 1000;
/// Together: all of them are held in memory while they are written down.
constexpr std::size_t most_bytes = 64u << 20;

/// A file caught in the middle of being rewritten parses a moment later; so it is read again.
constexpr int read_tries = 3;
constexpr int most_entries = 10000;
constexpr int deepest = 8;

std::optional<store::CapturedState> read_state(const fs::path& folder, const std::string& state_id,
                                               std::vector<std::string>& trouble) {
  for (int tries = 0; tries < read_tries; ++tries) {
    auto content =
        read_file_beneath(folder, fs::path(state_id) / "state.json", store::largest_state);
    if (!content) {
      if (content.error().kind != Error::Kind::not_found) {
        trouble.push_back(fmt::format("state {} is not kept: {}", cupola::quoted(state_id),
                                      content.error().message));
      }
      return std::nullopt;
    }
    const auto parsed = parse_json(*content);
    if (parsed && parsed->is_object()) return store::CapturedState{state_id, *std::move(content)};
  }
  trouble.push_back(fmt::format("state {} is no JSON object", cupola::quoted(state_id)));
  return std::nullopt;
}

/// A state id becomes a path of folders, so it may not lead anywhere else.
bool is_plain(const std::string& state_id) {
  for (const auto part : split(state_id, '/')) {
    if (part.empty() || part == "." || part == ".." || part.size() > 255) return false;
  }
  return state_id.find('\0') == std::string::npos;
}

}  // namespace

void seed_states(const fs::path& folder, const std::vector<store::CapturedState>& states) {
  make_folder(folder, 0777);
  for (const auto& state : states) {
    if (!is_plain(state.state_id)) {
      throw Failure("The state id " + cupola::quoted(state.state_id) +
                    " is no plain path and cannot be given to a run.");
    }
    make_folder(folder / state.state_id, 0777);
    write_file(folder / state.state_id / "state.json", state.payload, 0666, Lasting::while_up);
  }
}

std::vector<store::CapturedState> read_states(const fs::path& folder,
                                              std::vector<std::string>& trouble) {
  std::vector<store::CapturedState> states;
  std::error_code error;
  int entries = 0;
  std::size_t bytes = 0;
  // A state id with slashes is a path of folders; links are not gone through.
  fs::recursive_directory_iterator it(folder, fs::directory_options::skip_permission_denied, error);
  for (; !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    if (++entries > most_entries || states.size() == most_states) {
      trouble.push_back(fmt::format("more than {} state ids or {} files: the rest is not kept",
                                    most_states, most_entries));
      break;
    }
    if (it.depth() >= deepest) it.disable_recursion_pending();
    if (it->path().filename() != "state.json" || it->is_directory(error)) continue;
    const fs::path relative = it->path().lexically_relative(folder);
    const std::string state_id = relative.parent_path().string();
    if (state_id.empty() || !is_utf8(state_id)) continue;
    auto state = read_state(folder, state_id, trouble);
    if (!state) continue;
    bytes += state->payload.size();
    if (bytes > most_bytes) {
      trouble.push_back(
          fmt::format("the states are larger than {} MiB together: the rest, from {} "
                      "on, is not kept",
                      most_bytes >> 20, cupola::quoted(state_id)));
      break;
    }
    states.push_back(std::move(*state));
  }
  std::sort(states.begin(), states.end(),
            [](const auto& a, const auto& b) { return a.state_id < b.state_id; });
  return states;
}

}  // namespace cupola::runner
