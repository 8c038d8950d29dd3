#include "api/etag.h"

#include "base/digest.h"
#include "base/text.h"

namespace cupola::api {
namespace {

constexpr std::size_t tag_digits = 32;

}  // namespace

std::string etag_of(const json::object& settings) {
  return '"' + sha256_hex(json::serialize(settings)).substr(0, tag_digits) + '"';
}

std::string etag_of(const store::Deployment& deployment) {
  return etag_of(json::object{{"name", deployment.name},
                              {"environment", deployment.environment},
                              {"revision", deployment.revision},
                              {"release", deployment.release.value_or(ReleaseKey()).text()}});
}

http::Reply tagged_reply(int status, const json::object& body, const std::string& etag) {
  http::Reply reply = json_reply(status, body);
  reply.headers.emplace_back("ETag", etag);
  return reply;
}

std::optional<http::Reply> mismatch(const Call& call, const std::string& etag) {
  const std::string* wanted = call.request.header("if-match");
  if (wanted == nullptr) return std::nullopt;
  for (const std::string_view tag : split(*wanted, ',')) {
    if (trim(tag) == "*" || trim(tag) == etag) return std::nullopt;
  }
  return http::problem_with(
      412, "Changed meanwhile",
      {.message = "This is no longer what your If-Match names: somebody changed it meanwhile.",
       .hint = "Look at it again, then send your change with the new ETag."});
}

}  // namespace cupola::api
