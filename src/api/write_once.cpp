#include "api/route.h"
#include "base/digest.h"
#include "store/replies.h"

namespace cupola::api {
namespace {

constexpr std::size_t longest_key = 255;

// What must be the same for a repeated post to be the same post.
std::string request_hash(const http::Request& request) {
  Sha256 sum;
  sum.add(request.path);
  for (const auto& [name, value] : request.query) sum.add("?" + name + "=" + value);
  sum.add(std::string_view("\0", 1));
  sum.add(request.body);
  return sum.hex();
}

bool is_key(const std::string& key) {
  for (const char letter : key) {
    if (letter < 0x21 || letter > 0x7e) return false;
  }
  return !key.empty() && key.size() <= longest_key;
}

Result<http::Reply> repeated(const store::KeptReply& kept, const std::string& hash) {
  if (kept.request_hash != hash) {
    return Error{Error::Kind::conflict,
                 "This Idempotency-Key was used for another request within a day.",
                 "Make a new key for each thing that is to be done."};
  }
  http::Reply reply{.status = kept.status, .body = kept.body};
  reply.headers.emplace_back("Idempotency-Replayed", "true");
  return reply;
}

}  // namespace

Result<http::Reply> write_once(const Call& call,
                               const std::function<Result<http::Reply>(db::Session&)>& work) {
  const std::string* key =
      call.request.method == http::Method::post ? call.request.header("idempotency-key") : nullptr;
  if (key == nullptr) return call.context.database.write(work);
  if (!is_key(*key)) {
    return Error{Error::Kind::invalid,
                 "An Idempotency-Key has from 1 to 255 printable ASCII characters without spaces."};
  }
  const std::string hash = request_hash(call.request);
  return call.context.database.write([&](db::Session& db) -> Result<http::Reply> {
    const auto kept = store::find_reply(db, call.organization(), *key);
    if (kept) return repeated(*kept, hash);
    Result<http::Reply> reply = work(db);
    if (!reply || reply->status >= 400) return reply;
    const store::KeptReply keep{.request_hash = hash, .status = reply->status, .body = reply->body};
    if (!store::keep_reply(db, call.organization(), *key, keep, call.now)) {
      // Another server answered the same post meanwhile; thrown, so that ours is undone.
      throw Failure("The same post is being answered by another server.");
    }
    return reply;
  });
}

}  // namespace cupola::api
