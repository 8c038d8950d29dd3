#pragma once

/// One connection: reads requests, has them handled on the workers, writes replies. Private, and
/// heavy to compile; only session.cpp, stream.cpp and server.cpp include it.

#include <atomic>
#include <memory>
#include <set>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>

#include "http/pool.h"
#include "http/server.h"

namespace cupola::http {

namespace asio = boost::asio;
namespace beast = boost::beast;

class Connection;

/// What the connections of a server share. Touched by the io thread alone, but for `options`,
/// `handler` and the pools.
struct Shared {
  Shared(Options given, Handler handle, const asio::any_io_executor& io)
      : options(std::move(given)),
        handler(std::move(handle)),
        quick("http-worker", options.workers),
        slow("http-slow", options.slow_workers),
        streams("http-stream", options.stream_workers),
        room(io) {}

  const Options options;
  const Handler handler;
  Pool quick;
  Pool slow;
  Pool streams;
  std::set<Connection*> connections;
  std::atomic<std::size_t> open = 0;  ///< their number, for any thread
  asio::steady_timer room;            ///< cancelled when a connection ends
  std::size_t body_memory = 0;
  bool stopping = false;

  std::string next_request_id();
  /// The Date field's value, made anew each second.
  const std::string& date();

 private:
  std::string id_prefix_;
  std::uint64_t id_count_ = 0;
  std::int64_t date_second_ = 0;
  std::string date_;
};

/// An open connection, listed in `Shared::connections` as long as it lives.
class Connection {
 public:
  enum class Phase { waiting, busy, streaming };

  Connection(Shared& shared, asio::ip::tcp::socket socket);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Ends what may end at once: waiting and streaming.
  void wind_down();
  void close();
  /// Whether the other side closed, or broke, the connection.
  bool is_gone();

  Shared& shared;
  beast::tcp_stream stream;
  beast::flat_buffer buffer;
  asio::steady_timer pause;  ///< between the steps of a stream
  std::string peer;
  Phase phase = Phase::waiting;
};

/// Serves the connection until it ends. `connection` is owned by this coroutine alone.
asio::awaitable<void> serve(std::unique_ptr<Connection> connection);

/// Writes a reply whose body is a stream, after `head`. False when the connection must close.
asio::awaitable<bool> write_stream(Connection& connection, std::function<StreamStep()> next,
                                   std::string head, bool chunked);

/// Writes all of the bytes; false when the other side is gone or slower than 16 KiB/s.
asio::awaitable<bool> write_all(Connection& connection, const std::string& head,
                                const std::string& body);

}  // namespace cupola::http
