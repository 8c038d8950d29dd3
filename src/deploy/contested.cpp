#include "deploy/contested.h"

#include <fmt/format.h>

#include "base/text.h"
#include "git/address.h"

namespace cupola::deploy {
namespace {

const meltano::Place whole_file{"meltano.yml", 0, 0};

void add(Judged& judged, std::string message, std::string hint, bool fatal) {
  judged.findings.push_back({{whole_file, std::move(message), std::move(hint), false}, fatal});
}

void warn_of(Judged& judged, const std::string& name, const char* what) {
  add(judged,
      fmt::format("The root `env:` sets {}, which beats the {} of that name: runs never see it.",
                  name, what),
      "Take it out of `env:`, or delete the other.", false);
}

}  // namespace

void add_overruled(Judged& judged, const meltano::Project& project, const Source& source) {
  for (const auto& [name, value] : project.env) {
    if (source.secrets.contains(name)) warn_of(judged, name, "secret");
    if (source.variables.contains(name)) warn_of(judged, name, "variable");
  }
}

void decide_state(Judged& judged, const meltano::Project& project) {
  const json::value* notes = project.annotations.if_contains("cupola");
  const json::value* wanted =
      notes != nullptr && notes->is_object() ? notes->get_object().if_contains("state") : nullptr;
  const bool has_backend = project.settings_written.contains("state_backend.uri");
  const std::string& uri = project.state_backend_uri;
  if (wanted == nullptr || *wanted == "cupola") {
    if (has_backend && uri != "systemdb") {
      add(judged, "The `state_backend` is not used: Cupola keeps the state of each run.",
          "To keep it in that backend set `state: project` under `annotations: cupola:`; to bring "
          "its states along: `cupola state import`.",
          false);
    }
    return;
  }
  if (*wanted != "project") {
    add(judged, "`annotations: cupola: state:` is neither project nor cupola.",
        "Write project for the project's own `state_backend`; Cupola keeps the state otherwise.",
        true);
    return;
  }
  if (uri == "systemdb" || uri.starts_with("sqlite:")) {
    add(judged,
        "`annotations: cupola: state: project` needs a `state_backend` that outlives a run.",
        "Set `state_backend: uri:` to s3://, gs://, azure:// or a database; each run's system "
        "database goes with it.",
        true);
    return;
  }
  judged.content.own_state = git::without_credentials(uri);
}

}  // namespace cupola::deploy
