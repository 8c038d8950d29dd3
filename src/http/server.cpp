#include "http/server.h"

#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>
#include <pthread.h>
#include <sys/resource.h>

#include "base/log.h"
#include "http/session.h"

namespace cupola::http {
namespace {

using asio::ip::tcp;

tcp::endpoint endpoint_of(const Options& options) {
  boost::system::error_code error;
  const auto address =
      asio::ip::make_address(options.address == "localhost" ? "127.0.0.1" : options.address, error);
  if (error) {
    throw Failure(
        fmt::format("'{}' is no IP address to listen on. Give one of this machine, such "
                    "as 127.0.0.1, or 0.0.0.0 for all.",
                    options.address));
  }
  return {address, options.port};
}

[[noreturn]] void fail_to_listen(const Options& options, const boost::system::error_code& error) {
  const char* remedy = "Choose another with --listen ADDRESS:PORT.";
  if (error == asio::error::address_in_use) {
    remedy = "Another program listens there: stop it, or choose another port with --listen.";
  } else if (error == asio::error::access_denied) {
    remedy = "Ports below 1024 need a right that this user lacks: choose a higher one.";
  }
  throw Failure(fmt::format("Cannot listen on {} port {}: {}. {}", options.address, options.port,
                            error.message(), remedy));
}

tcp::acceptor listen(asio::io_context& io, const Options& options) {
  const tcp::endpoint endpoint = endpoint_of(options);
  boost::system::error_code error;
  tcp::acceptor acceptor(io);
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(4096, error);
  if (error) fail_to_listen(options, error);
  return acceptor;
}

// Each connection is a file; the soft limit (1,024 by habit) is no wish of the administrator.
void raise_file_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

void note_end(const std::exception_ptr& thrown) {
  if (!thrown) return;
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& exception) {
    log_error("A connection ended early: {}", exception.what());
  }
}

asio::awaitable<void> wait_for_room(Shared& shared, std::chrono::milliseconds most) {
  boost::system::error_code ignored;
  auto quiet = asio::redirect_error(asio::use_awaitable, ignored);
  shared.room.expires_after(most);
  co_await shared.room.async_wait(quiet);
}

asio::awaitable<void> accept_connections(tcp::acceptor& acceptor, Shared& shared) {
  const std::chrono::seconds a_while{1};
  while (!shared.stopping) {
    if (shared.connections.size() >= shared.options.connections) {
      co_await wait_for_room(shared, a_while);
      continue;
    }
    boost::system::error_code error;
    auto quiet = asio::redirect_error(asio::use_awaitable, error);
    tcp::socket socket = co_await acceptor.async_accept(quiet);
    if (shared.stopping) co_return;
    if (error) {
      log_warning("Cannot accept a connection: {}", error.message());
      co_await wait_for_room(shared, a_while);
      continue;
    }
    auto connection = std::make_unique<Connection>(shared, std::move(socket));
    asio::co_spawn(acceptor.get_executor(), serve(std::move(connection)), note_end);
  }
}

}  // namespace

struct Server::State {
  State(Options options, Handler handler)
      : acceptor(listen(io, options)),
        port(acceptor.local_endpoint().port()),
        shared(std::move(options), std::move(handler), io.get_executor()),
        stop_timer(io) {}

  void run() {
    pthread_setname_np(pthread_self(), "http-io");
    asio::co_spawn(io, accept_connections(acceptor, shared), note_end);
    io.run();
  }

  // On the io thread: with the acceptor closed and every connection ending, `run` has nothing left
  // and returns.
  void wind_down() {
    shared.stopping = true;
    boost::system::error_code ignored;
    acceptor.close(ignored);
    shared.room.cancel();
    const std::set<Connection*> open = shared.connections;
    for (Connection* connection : open) connection->wind_down();
    work.reset();
    await_end(std::chrono::steady_clock::now() + shared.options.stop_time);
  }

  void await_end(std::chrono::steady_clock::time_point deadline) {
    if (shared.connections.empty()) return;
    if (std::chrono::steady_clock::now() >= deadline) {
      const std::set<Connection*> open = shared.connections;
      for (Connection* connection : open) connection->close();
      return;
    }
    stop_timer.expires_after(std::chrono::milliseconds{10});
    stop_timer.async_wait(
        [this, deadline](const boost::system::error_code&) { await_end(deadline); });
  }

  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  tcp::acceptor acceptor;
  unsigned short port;
  Shared shared;
  asio::steady_timer stop_timer;
  std::thread thread;
};

Server::Server(Options options, Handler handler)
    : state_(std::make_unique<State>(std::move(options), std::move(handler))) {}

Server::~Server() {
  stop();
}

void Server::start() {
  if (state_->thread.joinable()) return;
  raise_file_limit();
  state_->thread = std::thread([this] { state_->run(); });
}

void Server::stop() {
  if (!state_->thread.joinable()) return;
  asio::post(state_->io, [this] { state_->wind_down(); });
  state_->thread.join();
  state_->shared.quick.stop();
  state_->shared.slow.stop();
  state_->shared.streams.stop();
}

std::size_t Server::connections() const {
  return state_->shared.open;
}

unsigned short Server::port() const {
  return state_->port;
}

}  // namespace cupola::http
