#include "http/session.h"

#include <ctime>
#include <optional>

#include <boost/asio/redirect_error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <fmt/format.h>
#include <sys/socket.h>

#include "base/id.h"
#include "base/log.h"
#include "base/text.h"
#include "http/on_pool.h"
#include "http/target.h"
#include "http/wire.h"

namespace cupola::http {
namespace {

namespace bhttp = beast::http;
using Parser = bhttp::request_parser<bhttp::string_body>;
using Header = bhttp::request<bhttp::string_body>;

constexpr std::size_t most_slow_waiting = 16;
constexpr std::chrono::milliseconds asked_again_in{250};
constexpr std::size_t first_read = 2048;
constexpr std::size_t large_body = 16u << 10;

Reply bad_request(std::string message) {
  return problem({Error::Kind::malformed, std::move(message)});
}

/// How long the body may be of a request whose header was read.
std::size_t longest_body_of(const Header& header, const Options& options) {
  const std::string_view target(header.target().data(), header.target().size());
  return options.may_be_large && options.may_be_large(target)
             ? std::max(options.longest_body, options.longest_large_body)
             : options.longest_body;
}

Reply too_long(std::size_t limit) {
  return problem(
      {Error::Kind::too_large, fmt::format("The body is over the limit of {} bytes.", limit)});
}

Reply refusal_of(const beast::error_code& error, const Header& header, const Options& options) {
  if (error == bhttp::error::body_limit) return too_long(longest_body_of(header, options));
  if (error == bhttp::error::header_limit || error == bhttp::error::buffer_overflow) {
    return problem_with(431, "Header too large",
                        {.message = fmt::format("The header is over the limit of {} bytes.",
                                                options.longest_header)});
  }
  if (error == bhttp::error::bad_version) {
    return problem_with(505, "Version not supported", {.message = "Only HTTP/1.1 is spoken here."});
  }
  return bad_request("This is no HTTP request: " + error.message() + ".");
}

// Beast lets pass what proxies in front may read in another way; one request must not be two.
std::optional<Reply> ambiguity_of(const Header& header) {
  if (header.count(bhttp::field::transfer_encoding) > 0) {
    const bool plain = header.count(bhttp::field::transfer_encoding) == 1 &&
                       to_lower(header[bhttp::field::transfer_encoding]) == "chunked";
    if (!plain) return bad_request("The only Transfer-Encoding that is read is 'chunked'.");
    if (header.count(bhttp::field::content_length) > 0) {
      return bad_request("A request has a Content-Length or a Transfer-Encoding, not both.");
    }
    if (header.version() < 11) return bad_request("HTTP/1.0 has no Transfer-Encoding.");
  }
  if (header.count(bhttp::field::content_length) > 1) {
    return bad_request("There is more than one Content-Length.");
  }
  if (header[bhttp::field::content_length].find_first_not_of("0123456789") != std::string::npos) {
    return bad_request("The Content-Length is not one number.");
  }
  const std::size_t hosts = header.count(bhttp::field::host);
  if (hosts > 1 || (hosts == 0 && header.version() >= 11)) {
    return bad_request("A request has one Host.");
  }
  return std::nullopt;
}

Method method_of(bhttp::verb verb) {
  switch (verb) {
    case bhttp::verb::get:
      return Method::get;
    case bhttp::verb::head:
      return Method::head;
    case bhttp::verb::post:
      return Method::post;
    case bhttp::verb::put:
      return Method::put;
    case bhttp::verb::patch:
      return Method::patch;
    case bhttp::verb::delete_:
      return Method::delete_;
    default:
      return Method::other;
  }
}

/// The request in the handler's form, or why it is turned down.
std::variant<Request, Reply> to_request(Header&& header, const Connection& connection,
                                        std::string request_id) {
  Result<Target> target = parse_target(header.target());
  if (!target) return problem(target.error());

  Request request{.method = method_of(header.method()),
                  .segments = std::move(target->segments),
                  .path = std::move(target->path),
                  .query = std::move(target->query),
                  .body = std::move(header.body()),
                  .peer = connection.peer,
                  .request_id = std::move(request_id)};
  for (const auto& field : header) {
    request.headers.emplace_back(to_lower(field.name_string()), field.value());
  }
  return request;
}

Reply unavailable(const std::string& request_id) {
  return problem({Error::Kind::unavailable, "The server cannot answer this now.",
                  "Try again; the server's log has the reason, under " + request_id + "."});
}

Reply handled(const Shared& shared, const Request& request) {
  try {
    return shared.handler(request);
  } catch (const std::exception& exception) {
    log_error("Request {} ({}): {}", request.request_id, request.path, exception.what());
    return unavailable(request.request_id);
  }
}

Reply handled_slowly(const std::function<Reply()>& slow, const std::string& request_id) {
  try {
    return slow();
  } catch (const std::exception& exception) {
    log_error("Request {}: {}", request_id, exception.what());
    return unavailable(request_id);
  }
}

std::optional<Reply> asked_later(const std::function<std::optional<Reply>()>& later,
                                 const std::string& request_id) {
  try {
    return later();
  } catch (const std::exception& exception) {
    log_error("Request {}: {}", request_id, exception.what());
    return unavailable(request_id);
  }
}

/// Waits for a reply that comes later; holds no thread meanwhile.
asio::awaitable<Reply> await_later(Connection& connection,
                                   std::function<std::optional<Reply>()> later,
                                   const std::string& request_id) {
  using Asked = std::optional<Reply>;
  const std::function<Asked()> task = [&later, &request_id] {
    return asked_later(later, request_id);
  };
  connection.phase = Connection::Phase::streaming;
  while (!connection.shared.stopping && !connection.is_gone()) {
    std::function<Asked()> copy = task;
    Asked reply = co_await on_pool<Asked>(connection.shared.streams, std::move(copy));
    if (reply) {
      connection.phase = Connection::Phase::busy;
      Reply given = std::move(*reply);
      co_return given;
    }
    boost::system::error_code ignored;
    auto quiet = asio::redirect_error(asio::use_awaitable, ignored);
    connection.pause.expires_after(asked_again_in);
    co_await connection.pause.async_wait(quiet);
  }
  connection.phase = Connection::Phase::busy;
  co_return problem({Error::Kind::unavailable, "The server stops; what was asked for goes on.",
                     "Look at what became of it, once the server is back."});
}

asio::awaitable<Reply> answer(Shared& shared, const Request& request) {
  std::function<Reply()> quick = [&shared, &request] { return handled(shared, request); };
  Reply reply = co_await on_pool<Reply>(shared.quick, std::move(quick));
  if (!reply.slow) co_return reply;
  if (shared.slow.waiting() >= most_slow_waiting) {
    co_return problem({Error::Kind::unavailable,
                       "Too many requests that take long are waiting already.",
                       "Try again later."});
  }
  std::function<Reply()> slow = [work = std::move(reply.slow), &request] {
    return handled_slowly(work, request.request_id);
  };
  Reply late = co_await on_pool<Reply>(shared.slow, std::move(slow));
  co_return late;
}

// Closes so that the reply arrives although the request was not read to its end: the kernel
// answers unread bytes with a reset, which would overtake it.
asio::awaitable<void> close_gently(Connection& connection) {
  boost::system::error_code error;
  connection.stream.socket().shutdown(asio::ip::tcp::socket::shutdown_send, error);
  auto quiet = asio::redirect_error(asio::use_awaitable, error);
  connection.stream.expires_after(std::chrono::seconds{1});
  connection.buffer.clear();
  for (std::size_t unread = 256u << 10; unread > 0 && !error;) {
    const auto space = connection.buffer.prepare(first_read);
    const std::size_t size = co_await connection.stream.async_read_some(space, quiet);
    unread -= std::min(unread, size);
  }
  connection.close();
}

/// Writes a plain reply; false when the connection must close.
asio::awaitable<bool> write_reply(Connection& connection, Reply reply, ReplyHead head) {
  const std::string wire = to_wire(reply, head);
  const bool no_body = head.head_only || reply.status == 204 || reply.status == 304;
  if (no_body) reply.body.clear();
  const bool written = co_await write_all(connection, wire, reply.body);
  co_return written&& head.keep_alive;
}

asio::awaitable<void> refuse(Connection& connection, Reply reply) {
  const std::string request_id = connection.shared.next_request_id();
  add_request_id(reply, request_id);
  const ReplyHead head{
      .keep_alive = false, .date = connection.shared.date(), .request_id = request_id};
  const bool kept = co_await write_reply(connection, std::move(reply), head);
  static_cast<void>(kept);
  co_await close_gently(connection);
}

/// Holds a share of the memory for bodies: as much as came, not what was announced, so that nobody
/// keeps others out by announcing.
class BodyShare {
 public:
  explicit BodyShare(Shared& shared) : shared_(shared) {}
  ~BodyShare() { shared_.body_memory -= size_; }
  BodyShare(const BodyShare&) = delete;
  BodyShare& operator=(const BodyShare&) = delete;

  bool grow_to(std::size_t size) {
    const std::size_t more = size - std::min(size, size_);
    if (shared_.body_memory + more > shared_.options.body_memory) return false;
    shared_.body_memory += more;
    size_ += more;
    return true;
  }

 private:
  Shared& shared_;
  std::size_t size_ = 0;
};

/// Waits for the first bytes of a request; false when none come.
asio::awaitable<bool> await_request(Connection& connection, std::chrono::milliseconds patience) {
  connection.phase = Connection::Phase::waiting;
  if (connection.buffer.size() > 0) co_return true;
  boost::system::error_code error;
  auto quiet = asio::redirect_error(asio::use_awaitable, error);
  connection.buffer = beast::flat_buffer(connection.shared.options.longest_header + large_body);
  const auto space = connection.buffer.prepare(first_read);
  connection.stream.expires_after(patience);
  const std::size_t size = co_await connection.stream.async_read_some(space, quiet);
  connection.buffer.commit(size);
  co_return !error && size > 0;
}

/// Reads the rest of a body whose header was read; gives the refusal, if it is refused.
asio::awaitable<std::optional<Reply>> read_body(Connection& connection, Parser& parser,
                                                BodyShare& share) {
  const Options& options = connection.shared.options;
  boost::system::error_code error;
  auto quiet = asio::redirect_error(asio::use_awaitable, error);
  if (to_lower(parser.get()[bhttp::field::expect]) == "100-continue") {
    const std::string go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    const std::string nothing;
    const bool written = co_await write_all(connection, go_on, nothing);
    static_cast<void>(written);
  }
  connection.stream.expires_after(options.body_time);
  while (!parser.is_done()) {
    co_await bhttp::async_read_some(connection.stream, connection.buffer, parser, quiet);
    if (error) co_return refusal_of(error, parser.get(), options);
    if (!share.grow_to(parser.get().body().size())) {
      co_return problem({Error::Kind::unavailable, "Too many bodies are being sent at this moment.",
                         "Try again later."});
    }
  }
  co_return std::nullopt;
}

/// Whether to go on with the connection after this one request.
asio::awaitable<bool> serve_one(Connection& connection) {
  Shared& shared = connection.shared;
  boost::system::error_code error;
  auto quiet = asio::redirect_error(asio::use_awaitable, error);
  auto parser = std::make_unique<Parser>();
  parser->header_limit(static_cast<std::uint32_t>(shared.options.longest_header));
  // Which limit holds is known when the header is.
  parser->body_limit(std::max(shared.options.longest_body, shared.options.longest_large_body));
  connection.stream.expires_after(shared.options.header_time);
  co_await bhttp::async_read_header(connection.stream, connection.buffer, *parser, quiet);
  connection.phase = Connection::Phase::busy;
  std::optional<Reply> refusal;
  const bool gone = error.category() != bhttp::make_error_code(bhttp::error::bad_method).category();
  if (error && gone) co_return false;
  if (error) {
    refusal = refusal_of(error, parser->get(), shared.options);
  } else {
    const std::size_t longest = longest_body_of(parser->get(), shared.options);
    parser->body_limit(longest);
    refusal = ambiguity_of(parser->get());
    if (!refusal && parser->content_length().value_or(0) > longest) refusal = too_long(longest);
  }

  BodyShare share(shared);
  if (!refusal && !parser->is_done()) refusal = co_await read_body(connection, *parser, share);
  connection.stream.expires_never();
  if (refusal) {
    Reply turned_down = std::move(*refusal);
    co_await refuse(connection, std::move(turned_down));
    co_return false;
  }

  ReplyHead head{.keep_alive = parser->get().keep_alive() && !shared.stopping,
                 .http_1_0 = parser->get().version() < 11,
                 .head_only = parser->get().method() == bhttp::verb::head};
  std::string id = shared.next_request_id();
  const std::string request_id = id;
  Header message = parser->release();
  parser.reset();
  std::variant<Request, Reply> read = to_request(std::move(message), connection, std::move(id));
  message = Header();
  Reply reply;
  if (Request* request = std::get_if<Request>(&read)) {
    reply = co_await answer(shared, *request);
    if (reply.later) {
      std::function<std::optional<Reply>()> later = std::move(reply.later);
      reply = co_await await_later(connection, std::move(later), request_id);
    }
  } else {
    reply = std::get<Reply>(std::move(read));
  }
  read = Reply();
  add_request_id(reply, request_id);
  head.date = shared.date();
  head.request_id = request_id;
  head.keep_alive = head.keep_alive && !shared.stopping;

  if (reply.stream && !head.head_only) {
    if (head.http_1_0) head.keep_alive = false;
    std::string wire = to_wire(reply, head);
    std::function<StreamStep()> next = std::move(reply.stream);
    const bool chunked = !head.http_1_0;
    const bool keep = head.keep_alive;
    if (connection.buffer.size() == 0) connection.buffer = beast::flat_buffer();
    const bool whole = co_await write_stream(connection, std::move(next), std::move(wire), chunked);
    co_return whole&& keep;
  }
  const bool kept = co_await write_reply(connection, std::move(reply), head);
  co_return kept;
}

}  // namespace

std::string Shared::next_request_id() {
  if (id_prefix_.empty()) id_prefix_ = random_hex(5);
  return fmt::format("{}-{:x}", id_prefix_, ++id_count_);
}

const std::string& Shared::date() {
  const std::int64_t second = std::time(nullptr);
  if (second != date_second_) {
    date_second_ = second;
    date_ = http_date(second);
  }
  return date_;
}

Connection::Connection(Shared& all, asio::ip::tcp::socket socket)
    : shared(all), stream(std::move(socket)), pause(stream.get_executor()) {
  boost::system::error_code error;
  stream.socket().set_option(asio::ip::tcp::no_delay(true), error);
  const auto endpoint = stream.socket().remote_endpoint(error);
  if (!error) peer = endpoint.address().to_string();
  shared.connections.insert(this);
  shared.open = shared.connections.size();
}

Connection::~Connection() {
  shared.connections.erase(this);
  shared.open = shared.connections.size();
  shared.room.cancel();
}

void Connection::wind_down() {
  if (phase == Phase::waiting) close();
  if (phase == Phase::streaming) pause.cancel();
}

void Connection::close() {
  pause.cancel();
  stream.close();
}

bool Connection::is_gone() {
  if (!stream.socket().is_open()) return true;
  char byte = 0;
  const ssize_t size = ::recv(stream.socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR);
}

asio::awaitable<void> serve(std::unique_ptr<Connection> connection) {
  const Options& options = connection->shared.options;
  bool go_on = co_await await_request(*connection, options.header_time);
  while (go_on && !connection->shared.stopping) {
    go_on = co_await serve_one(*connection);
    if (go_on) go_on = co_await await_request(*connection, options.idle_time);
  }
}

}  // namespace cupola::http
