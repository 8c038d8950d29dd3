#pragma once

/// A request of the cloud CLI, said in the words of our own API: its handlers then do what is to be
/// done, with all their checks and their audit log. Private.

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "api/route.h"
#include "base/json.h"

namespace cupola::api::cloud {

/// The same sender and path, with another body and no query.
class Inner {
 public:
  using Names = std::initializer_list<std::pair<std::string_view, std::string>>;

  /// `names` are values of {names} that the handler wants and the path has not.
  explicit Inner(const Call& outer, std::string body = "", Names names = {})
      : request_{.method = http::Method::post,
                 .segments = outer.request.segments,
                 .path = outer.request.path,
                 .body = std::move(body),
                 .peer = outer.request.peer,
                 .request_id = outer.request.request_id},
        call_{.context = outer.context,
              .watches = outer.watches,
              .pages = outer.pages,
              .guesses = outer.guesses,
              .request = request_,
              .member = outer.member,
              .path = outer.path,
              .now = outer.now,
              .project_id = outer.project_id} {
    call_.path.insert(call_.path.end(), names.begin(), names.end());
  }
  Inner(const Call& outer, const json::object& body, Names names = {})
      : Inner(outer, json::serialize(body), names) {}
  Inner(const Inner&) = delete;
  Inner& operator=(const Inner&) = delete;

  const Call& call() const { return call_; }

 private:
  const http::Request request_;
  Call call_;
};

}  // namespace cupola::api::cloud
