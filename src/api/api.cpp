#include "api/api.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "api/admission.h"
#include "api/cloud/access.h"
#include "api/page_cache.h"
#include "api/route.h"
#include "api/run_watch.h"
#include "auth/guesses.h"
#include "base/text.h"

namespace cupola::api {
namespace {

/// A route with its path cut into segments.
struct Pattern {
  const Route* route;
  std::vector<std::string_view> segments;

  static bool is_name(std::string_view segment) { return segment.starts_with('{'); }

  bool matches(const std::vector<std::string>& path) const {
    if (path.size() != segments.size()) return false;
    for (std::size_t i = 0; i < path.size(); ++i) {
      if (!is_name(segments[i]) && path[i] != segments[i]) return false;
    }
    return true;
  }

  std::vector<std::pair<std::string_view, std::string>> values(
      const std::vector<std::string>& path) const {
    std::vector<std::pair<std::string_view, std::string>> named;
    for (std::size_t i = 0; i < path.size(); ++i) {
      if (is_name(segments[i])) {
        named.emplace_back(segments[i].substr(1, segments[i].size() - 2), path[i]);
      }
    }
    return named;
  }
};

std::vector<Pattern> patterns() {
  std::vector<Pattern> all;
  for (const Route& route : routes()) all.push_back({&route, split(route.path.substr(1), '/')});
  return all;
}

http::Reply no_method(const std::vector<std::string>& allowed) {
  http::Reply reply =
      http::problem_with(405, "Method not allowed",
                         {Error::Kind::not_found, "This path does not know this method.",
                          "It knows: " + join(allowed, ", ") + "."});
  reply.headers.emplace_back("Allow", join(allowed, ", "));
  return reply;
}

/// A query value that the route does not read is a misspelt one.
std::optional<Error> query_fault(const http::Request& request, const Route& route) {
  const std::vector<std::string_view> known = split(route.query, ' ');
  std::vector<std::string_view> seen;
  for (const auto& [name, value] : request.query) {
    if (name.empty() || std::find(known.begin(), known.end(), name) == known.end()) {
      return Error{
          Error::Kind::invalid, "The query value " + cupola::quoted(name) + " is not known here.",
          route.query.empty() ? "This path has none." : fmt::format("Known are: {}.", route.query)};
    }
    if (std::find(seen.begin(), seen.end(), name) != seen.end()) {
      return Error{Error::Kind::invalid,
                   "The query value " + cupola::quoted(name) + " is there twice."};
    }
    seen.push_back(name);
  }
  return std::nullopt;
}

}  // namespace

struct Api::State {
  explicit State(const Context& given) : context(given), watches(given) {}

  const Context& context;
  RunWatches watches;
  PageCache pages;
  auth::Guesses guesses;
  const std::vector<Pattern> patterns = api::patterns();

  http::Reply dispatch(const Pattern& pattern, const http::Request& request) {
    const Route& route = *pattern.route;
    Call call{.context = context,
              .watches = watches,
              .pages = pages,
              .guesses = guesses,
              .request = request,
              .member = {},
              .path = pattern.values(request.segments),
              .now = context.clock.now()};
    http::Reply reply = answer(call, route);
    if (reply.stream && route.access != Access::anyone) {
      reply.stream = while_admitted(call, route, std::move(reply));
    }
    return finished(std::move(reply), call, route);
  }

  /// With what every reply has, also where it comes late.
  static http::Reply finished(http::Reply reply, const Call& call, const Route& route) {
    if (reply.slow) {
      reply.slow = [slow = std::move(reply.slow), call, &route] {
        return finished(slow(), call, route);
      };
    }
    if (reply.later) {
      reply.later = [later = std::move(reply.later), call, &route] {
        std::optional<http::Reply> late = later();
        if (late) late = finished(std::move(*late), call, route);
        return late;
      };
    }
    add_ids(reply, call);
    if (route.contract == Contract::cloud) cloud::explain(reply);
    return reply;
  }

  static http::Reply answer(Call& call, const Route& route) {
    const Result<void> admitted = admit(call, route);
    if (!admitted) return http::problem(admitted.error());
    if (std::optional<Error> fault = query_fault(call.request, route)) {
      // The cloud CLI escapes no ? in a name: what comes after it is part of one that there is not.
      const bool is_list = route.query.find("page_size") != std::string_view::npos;
      if (route.contract == Contract::cloud && !is_list) fault->kind = Error::Kind::not_found;
      return http::problem(*fault);
    }
    Result<http::Reply> reply = route.handler(call);
    return reply ? std::move(*reply) : http::problem(reply.error());
  }

  /// Whoever debugs a problem needs the inner ids, which names in paths do not tell.
  static void add_ids(http::Reply& reply, const Call& call) {
    if (!call.member.organization_id.empty()) {
      http::add_to_problem(reply, "organization_id", call.member.organization_id);
    }
    if (!call.project_id.empty()) http::add_to_problem(reply, "project_id", call.project_id);
  }
};

Api::Api(const Context& context) : state_(std::make_unique<State>(context)) {}

Api::~Api() = default;

bool Api::brings_states(std::string_view path) {
  // /api/v1/projects/{project}/states/…
  const auto segments = split(path.substr(0, path.find('?')), '/');
  return segments.size() > 6 && segments[1] == "api" && segments[2] == "v1" &&
         segments[3] == "projects" && segments[5] == "states";
}

bool Api::is_health(const http::Request& request) {
  return request.segments.size() == 1 &&
         (request.segments.front() == "healthz" || request.segments.front() == "readyz");
}

http::Reply Api::handle(const http::Request& request) {
  const http::Method method =
      request.method == http::Method::head ? http::Method::get : request.method;
  std::vector<std::string> allowed;
  for (const Pattern& pattern : state_->patterns) {
    if (!pattern.matches(request.segments)) continue;
    if (pattern.route->method == method) return state_->dispatch(pattern, request);
    // The cloud CLI puts names into paths as they are: with a slash in one it asks for what is not.
    if (pattern.route->contract == Contract::cloud) continue;
    allowed.emplace_back(name_of(pattern.route->method));
  }
  if (!allowed.empty()) return no_method(allowed);
  return http::problem({Error::Kind::not_found, "There is nothing at this path.",
                        "docs/openapi.yaml lists all paths."});
}

}  // namespace cupola::api
