#include "cli/release.h"

#include <fmt/format.h>

#include "base/text.h"
#include "cli/interrupt.h"
#include "cli/show.h"
#include "cli/terminal.h"

namespace cupola::cli {

std::string deployment_path(const DeploymentName& name, std::string_view below) {
  return api_path({"projects", name.project, "deployments", name.deployment}) + std::string(below);
}

Result<std::string> follow_release(const Api& api, const DeploymentName& name,
                                   std::int64_t number) {
  const InterruptNote note(
      fmt::format("\nThe deploy goes on. See it: cupola deployment logs {} --project {}\n",
                  printable(name.deployment), printable(name.project)));
  const bool colours = has_colours(stderr);
  std::string status;
  std::string reason;
  const auto on_event = [&](const net::Event& event) {
    const auto parsed = parse_json(event.data);
    if (!parsed || !parsed->is_object()) return true;
    const auto& object = parsed->get_object();
    if (event.name == "end") {
      status = text_at(object, "status");
      reason = text_at(object, "error");
      return false;
    }
    if (event.name == "line") {
      say(painted(printable(text_at(object, "text")), Colour::dim, colours));
    }
    return true;
  };
  const auto done =
      api.follow(deployment_path(name, fmt::format("/releases/{}/log", number)), {}, on_event);
  if (!done) return done.error();
  if (status == "failed") {
    return Error{
        Error::Kind::invalid,
        fmt::format("Deployment {} failed in release {}: {}", cupola::quoted(name.deployment),
                    number, reason.empty() ? "its log says why" : reason),
        number > 1 ? "What was live before is live still." : ""};
  }
  return status;
}

}  // namespace cupola::cli
