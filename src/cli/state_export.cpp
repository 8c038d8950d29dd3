#include "cli/state_export.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include <fmt/format.h>

#include "base/files.h"
#include "base/temp_folder.h"
#include "base/text.h"
#include "process/program.h"

namespace cupola::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view project_file = "meltano.yml";
constexpr std::size_t largest_export = 1u << 30;
constexpr std::size_t longest_complaint = 300;

/// Of what it wrote the line that says why it failed: its last error, else its last line.
std::string complaint_in(std::string_view words) {
  std::string_view last, error;
  for (const std::string_view raw : split(words, '\n')) {
    const std::string_view line = trim(raw);
    if (line.empty()) continue;
    last = line;
    if (line.find("[error") != std::string_view::npos || line.starts_with("Error:")) error = line;
  }
  return printable(shortened(error.empty() ? last : error, longest_complaint));
}

Result<std::string> text_of_export(const std::string& uri, const std::string& meltano,
                                   const fs::path& folder) {
  process::Program program{.argv = {meltano, "state", "export"},
                           .env = process::own_environment(),
                           .folder = folder,
                           .dies_with_parent = true};
  program.env["MELTANO_STATE_BACKEND_URI"] = uri;
  program.env["MELTANO_CLI_LOG_FORMAT"] = "plain";
  auto output = process::run(program, {.output = largest_export});
  if (!output) {
    return Error{
        output.error().kind,
        "Cannot run Meltano, which reads " + printable(uri) + ": " + output.error().message,
        "Type this in your project with Meltano 4 on the PATH, or name the program with "
        "--meltano."};
  }
  if (output->exit.ok()) return std::move(output->out);
  return Error{
      Error::Kind::invalid,
      fmt::format("Meltano cannot read {}: {}", printable(uri), complaint_in(output->err)),
      "Type this in your project, where its settings are, with Meltano 4 and the backend's "
      "extra (`meltano[s3]`, `[gcs]`, `[azure]`)."};
}

}  // namespace

Result<std::vector<FoundState>> parse_export(std::string_view text, const std::string& place) {
  const auto value = parse_json(text);
  const auto fault = [&](const std::string& what) {
    return Error{
        Error::Kind::invalid, fmt::format("{} {}", place, what),
        "It is to be what `meltano state export` prints: an object of states by state id."};
  };
  if (!value || !value->is_object()) return fault("is no JSON object");
  std::vector<FoundState> states;
  for (const auto& [id, payload] : value->get_object()) {
    if (!payload.is_object())
      return fault("holds no state for " + cupola::quoted(std::string_view(id)));
    states.push_back({std::string(id), payload.get_object()});
  }
  std::sort(states.begin(), states.end(),
            [](const FoundState& a, const FoundState& b) { return a.state_id < b.state_id; });
  return states;
}

Result<std::vector<FoundState>> export_states(const std::string& uri, const std::string& meltano) {
  std::error_code error;
  const fs::path here = fs::current_path(error);
  std::optional<TempFolder> empty;
  if (error || !fs::is_regular_file(here / project_file)) {
    empty.emplace("cupola-states");
    write_file(empty->path() / project_file, "version: 1\n");
  }
  const auto text = text_of_export(uri, meltano, empty ? empty->path() : here);
  if (!text) return text.error();
  return parse_export(*text, "What Meltano says of " + printable(uri));
}

}  // namespace cupola::cli
