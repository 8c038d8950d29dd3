#pragma once

/// The HTTP/1.1 server: connections, limits, worker threads, event streams. Boost Beast and
/// coroutines stay behind this header; a handler is a plain function.

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/outcome.h"

namespace cupola::http {

/// `other`: any other, which a handler knows nothing of.
enum class Method { get, head, post, put, patch, delete_, other };

/// A request whose body was read whole. The path is decoded once; it holds no NUL, no `.` or `..`
/// segment (those are 400 before any handler).
struct Request {
  Method method = Method::get;
  std::vector<std::string> segments;                         ///< of the path, each percent-decoded
  std::string path;                                          ///< as it came, without the query
  std::vector<std::pair<std::string, std::string>> query;    ///< decoded, in order
  std::vector<std::pair<std::string, std::string>> headers;  ///< names in lower case
  std::string body;
  std::string peer;        ///< address of the other side
  std::string request_id;  ///< ours, also in the reply's X-Request-Id

  const std::string* header(std::string_view lower_case_name) const;
  const std::string* query_value(std::string_view name) const;
};

/// What a stream has to say now: data (may be empty), whether that was all, else when to ask again
/// (zero: at once).
struct StreamStep {
  std::string data;
  bool finished = false;
  std::chrono::milliseconds again_in{std::chrono::milliseconds{200}};
};

struct Reply {
  int status = 200;
  /// What stands beside the status in the first line, for clients that show nothing else; as the
  /// standard has it where it is empty. Shortened, and what is not printable ASCII becomes '?'.
  std::string reason;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  /// When set the reply is chunked: called again and again on a thread kept for streams until
  /// finished or the other side is gone. It must not block.
  std::function<StreamStep()> stream;
  /// When set, the reply is what this gives: it runs on one of few threads kept for slow work (a
  /// git fetch), so that quick requests do not wait behind it. When too many wait for them, the
  /// reply is a 503.
  std::function<Reply()> slow;
  /// When set, the reply is what this gives at last: asked again and again on a thread kept for
  /// streams, so that waiting for minutes holds none. Where the server stops before, the reply is a
  /// 503. It must not block.
  std::function<std::optional<Reply>()> later;
};

using Handler = std::function<Reply(const Request&)>;

struct Options {
  std::string address = "127.0.0.1";
  unsigned short port = 0;  ///< 0: any free one
  int workers = 4;
  int slow_workers = 2;    ///< for Reply::slow
  int stream_workers = 2;  ///< for Reply::stream, so that requests do not wait behind followers
  std::size_t longest_body = 8u << 20;
  std::size_t longest_large_body = 0;  ///< where `may_be_large` says so of a target
  std::function<bool(std::string_view target)> may_be_large;
  std::size_t longest_header = 32u << 10;
  std::chrono::milliseconds header_time{std::chrono::seconds{15}};
  std::chrono::milliseconds body_time{std::chrono::seconds{60}};
  std::chrono::milliseconds idle_time{std::chrono::seconds{75}};
  std::chrono::milliseconds stop_time{std::chrono::seconds{5}};  ///< for replies in progress
  std::size_t connections = 20000;       ///< at once; more wait in the kernel
  std::size_t body_memory = 256u << 20;  ///< bodies that are being read, together; more are 503
};

/// Serves until stopped. `handler` runs on the workers; an exception out of it is a 503 problem and
/// a line in the log with the request's id. A HEAD request reaches the handler as such; the body of
/// its reply is not sent. What is no HTTP/1.1, is ambiguous (a length and a transfer coding) or
/// over a limit gets a 4xx and its connection is closed.
class Server {
 public:
  /// Binds. Throws Failure when the address is taken or not ours, with what to do.
  Server(Options options, Handler handler);
  ~Server();
  void start();
  /// No new connections; idle ones and streams end at once, replies in progress within stop_time.
  /// Waits until handlers are back. May be called twice.
  void stop();
  unsigned short port() const;
  std::size_t connections() const;  ///< open now

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// application/problem+json (RFC 9457) for an Error, with the status its kind has.
Reply problem(const Error& error);
/// The same for a status that no kind of Error has.
Reply problem_with(int status, std::string_view title, const Error& error);
/// Adds a member to the body of a problem, as its last one; leaves other replies alone. The value
/// must need no escapes in JSON.
void add_to_problem(Reply& reply, std::string_view name, std::string_view value);
/// Status codes for a kind of error.
int status_of(Error::Kind kind);

}  // namespace cupola::http
