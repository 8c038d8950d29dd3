#pragma once

/// The HTTP API under /api/v1, that of the cloud CLI (docs/design/cloud-cli.md), and the two
/// questions that tell whether the server is well.
///
/// docs/openapi.yaml is the contract. Every route stands in one table (routes.cpp) with who may
/// call it; a thing of another organization is not found.

#include <memory>
#include <string>
#include <string_view>

#include "api/context.h"
#include "http/server.h"

namespace cupola::api {

/// Answers requests. Safe from any thread. `context` must outlive it and the streams it gave.
class Api {
 public:
  explicit Api(const Context& context);
  ~Api();
  Api(const Api&) = delete;
  Api& operator=(const Api&) = delete;

  /// Whether the path is one of the two questions that every server answers.
  static bool is_health(const http::Request& request);

  /// Whether a request to that path brings states, which may be as large as `largest_of_states`.
  static bool brings_states(std::string_view path);
  static constexpr std::size_t largest_of_states = 48u << 20;

  /// The reply, also for paths and methods that there are not (404, 405). Throws Failure when the
  /// database is gone.
  http::Reply handle(const http::Request& request);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The table of roles and actions as Markdown: docs/roles.md.
std::string roles_page();

}  // namespace cupola::api
