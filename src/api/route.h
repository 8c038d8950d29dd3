#pragma once

/// A row of the routes table, and a request that was matched with one. Private.

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/context.h"
#include "base/time.h"
#include "http/server.h"
#include "store/tokens.h"

namespace cupola::auth {
class Guesses;
}

namespace cupola::api {

class PageCache;
class RunWatches;

/// The least role that may call a route.
enum class Access { anyone, viewer, operator_, maintainer, owner };

/// What a token that is limited to a project or a deployment (store::Reach) may do with a route.
enum class Limits {
  /// What the path names must be within the limit. Where it names nothing that can be (or, for a
  /// token of a deployment, a project alone), the route is refused.
  by_path,
  /// The same; but a deployment that there is not yet may be made in the project of a token.
  by_path_or_new,
  /// The handler itself gives only what is within: `scope_of` and `project_of` see to it.
  filtered,
};

/// Whose words a route speaks.
enum class Contract {
  own,    ///< docs/openapi.yaml alone says what they are
  cloud,  ///< those of the cloud CLI (docs/design/cloud-cli.md): its tokens, its refusals
};

/// A request whose sender is known and may do what it asks.
struct Call {
  const Context& context;
  RunWatches& watches;
  PageCache& pages;
  auth::Guesses& guesses;
  const http::Request& request;
  store::Member member;
  std::vector<std::pair<std::string_view, std::string>> path;  ///< values of {names}
  Instant now;
  mutable std::string project_id;  ///< of {project}, once it was found: for problems

  const OrganizationKey& organization() const { return member.organization; }
  const std::string& in_path(std::string_view name) const;
  bool has_in_path(std::string_view name) const;
  bool accepts(std::string_view media_type) const;
};

using Handler = Result<http::Reply> (*)(const Call&);

struct Route {
  http::Method method;
  std::string_view path;  ///< with {names} as whole segments
  Access access;
  Handler handler;
  std::string_view query;   ///< names of the query values it reads, with spaces between
  std::string_view action;  ///< what it does, for docs/roles.md
  Limits limits = Limits::by_path;
  Contract contract = Contract::own;
};

std::span<const Route> routes();

std::string_view name_of(http::Method method);  ///< "GET" …

http::Reply json_reply(int status, const json::value& body);

/// {"<name>": items, "next": cursor or null}.
http::Reply list_reply(std::string_view name, json::array items, const std::string& next = "");

/// Runs `work(Session&) -> Result<http::Reply>` in a write transaction. When the request has an
/// Idempotency-Key, a reply kept under it is given instead, and a good one is kept with what was
/// written. Errors: conflict (the key was used for another request).
Result<http::Reply> write_once(const Call& call,
                               const std::function<Result<http::Reply>(db::Session&)>& work);

}  // namespace cupola::api
