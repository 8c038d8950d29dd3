#include "api/admission.h"

#include <algorithm>

#include <fmt/format.h>

#include "api/cloud/access.h"
#include "api/lookup.h"
#include "auth/token.h"
#include "base/text.h"

namespace cupola::api {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

constexpr std::chrono::seconds looked_at_every{1};

std::string_view authorization_of(const http::Request& request) {
  const std::string* header = request.header("authorization");
  return header == nullptr ? std::string_view() : std::string_view(*header);
}

Error beyond(const store::Reach& reach) {
  return {Error::Kind::forbidden,
          fmt::format("This token is limited to a {}, and this is not only about that.",
                      reach.deployment ? "deployment" : "project"),
          "Use a token without a limit: `cupola token create` makes one."};
}

/// The deployment that a route of a project may be narrowed to by ?deployment=, and is.
const std::string* deployment_asked(const Call& call, const Route& route) {
  const auto known = split(route.query, ' ');
  if (std::find(known.begin(), known.end(), "deployment") == known.end()) return nullptr;
  return call.request.query_value("deployment");
}

// `project_of`, `past_place_of` and `run_of` find nothing beyond the limit; what is left is what
// the path does not name.
Result<void> check_limit(const Call& call, const Route& route) {
  const store::Reach& reach = call.member.reach;
  if (reach.is_all()) return {};
  return call.context.database.read([&](db::Session& db) -> Result<void> {
    if (call.has_in_path("run")) {
      const auto run = run_of(call, db);
      if (!run) return run.error();
      return {};
    }
    if (call.has_in_path("deployment")) {
      const auto place = past_place_of(call, db);
      if (place) return {};
      if (route.limits != Limits::by_path_or_new || reach.deployment) return place.error();
    }
    if (call.has_in_path("project")) {
      const auto project = project_of(call, db);
      if (!project) return project.error();
      if (!reach.deployment || route.limits == Limits::filtered) return {};
      if (const std::string* name = deployment_asked(call, route)) {
        const auto deployment = deployment_of(call, db, *project, *name);
        if (!deployment) return deployment.error();
        return {};
      }
      return beyond(reach);
    }
    if (route.limits == Limits::filtered) return {};
    return beyond(reach);
  });
}

/// Ends where its caller is no longer let in.
struct Watched {
  const Context& context;
  Access access;
  std::string token_hash;
  std::function<http::StreamStep()> stream;
  bool may_end = false;  ///< an early end is no harm: the client comes back, and is told why
  SteadyTime looked = std::chrono::steady_clock::now();

  http::StreamStep operator()() {
    const SteadyTime now = std::chrono::steady_clock::now();
    if (now - looked >= looked_at_every) {
      looked = now;
      const auto member = context.authenticator.find(token_hash, context.clock.now());
      if (!member || access_of(member->role) < access) {
        if (may_end) return {.finished = true};
        throw Failure("its token was revoked, or its holder's role changed");
      }
    }
    return stream();
  }
};

}  // namespace

Access access_of(store::Role role) {
  switch (role) {
    case store::Role::viewer:
      return Access::viewer;
    case store::Role::operator_:
      return Access::operator_;
    case store::Role::maintainer:
      return Access::maintainer;
    case store::Role::owner:
      return Access::owner;
  }
  return Access::anyone;
}

Result<void> admit(Call& call, const Route& route) {
  if (route.access == Access::anyone) return {};
  Result<store::Member> member =
      route.contract == Contract::cloud
          ? cloud::authenticate(call)
          : call.context.authenticator.authenticate(authorization_of(call.request), call.now);
  if (!member) return member.error();
  call.member = std::move(*member);
  if (access_of(call.member.role) < route.access) {
    return Error{Error::Kind::forbidden,
                 fmt::format("To {} needs the role {}; {} is {}{}.", route.action,
                             to_text(route.access), call.member.login, to_text(call.member.role),
                             call.member.has_whole_role ? "" : " with this token"),
                 "An owner of the organization can give the role."};
  }
  return check_limit(call, route);
}

std::function<http::StreamStep()> while_admitted(const Call& call, const Route& route,
                                                 http::Reply&& reply) {
  const auto hash = route.contract == Contract::cloud
                        ? cloud::token_hash_of(call)
                        : auth::token_hash(auth::bearer_of(authorization_of(call.request)));
  return Watched{.context = call.context,
                 .access = route.access,
                 .token_hash = hash ? *hash : "",
                 .stream = std::move(reply.stream),
                 .may_end = reply.content_type == "text/event-stream"};
}

std::string_view to_text(Access access) {
  switch (access) {
    case Access::anyone:
      return "anyone";
    case Access::viewer:
      return "viewer";
    case Access::operator_:
      return "operator";
    case Access::maintainer:
      return "maintainer";
    case Access::owner:
      return "owner";
  }
  return "";
}

}  // namespace cupola::api
