#include <algorithm>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>

#include "base/log.h"
#include "http/on_pool.h"
#include "http/session.h"
#include "http/wire.h"

namespace cupola::http {
namespace {

constexpr std::size_t slowest_reader = 16u << 10;  // bytes a second

// What a stream says next; one that throws ends, and false tells that it is not whole.
std::pair<StreamStep, bool> next_step(const std::function<StreamStep()>& next) {
  try {
    return {next(), true};
  } catch (const std::exception& exception) {
    log_error("A stream ended early: {}", exception.what());
    return {StreamStep{.finished = true}, false};
  }
}

}  // namespace

asio::awaitable<bool> write_all(Connection& connection, const std::string& head,
                                const std::string& body) {
  boost::system::error_code error;
  auto quiet = asio::redirect_error(asio::use_awaitable, error);
  const std::array<asio::const_buffer, 2> parts{asio::buffer(head), asio::buffer(body)};
  const std::chrono::seconds patience{
      30 + static_cast<std::int64_t>((head.size() + body.size()) / slowest_reader)};
  connection.stream.expires_after(patience);
  co_await asio::async_write(connection.stream, parts, quiet);
  connection.stream.expires_never();
  co_return !error;
}

asio::awaitable<bool> write_stream(Connection& connection, std::function<StreamStep()> next,
                                   std::string head, bool chunked) {
  using Step = std::pair<StreamStep, bool>;
  const std::function<Step()> task = [&next] { return next_step(next); };
  connection.phase = Connection::Phase::streaming;
  const std::string nothing;
  bool written = co_await write_all(connection, head, nothing);
  head = std::string();

  while (written && !connection.shared.stopping && !connection.is_gone()) {
    std::function<Step()> copy = task;
    Step step = co_await on_pool<Step>(connection.shared.streams, std::move(copy));
    std::string data = chunked ? chunk(step.first.data) : std::move(step.first.data);
    const bool whole = step.second;
    if (step.first.finished && !whole) co_return false;
    if (step.first.finished && chunked) data += "0\r\n\r\n";
    if (!data.empty()) written = co_await write_all(connection, data, nothing);
    if (step.first.finished) co_return written&& chunked;
    if (step.first.again_in.count() <= 0) continue;

    boost::system::error_code ignored;
    auto quiet = asio::redirect_error(asio::use_awaitable, ignored);
    connection.pause.expires_after(step.first.again_in);
    co_await connection.pause.async_wait(quiet);
  }
  co_return false;
}

}  // namespace cupola::http
