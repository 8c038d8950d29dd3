#include "api/events.h"

#include <algorithm>

#include "api/input.h"
#include "base/text.h"

namespace cupola::api {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;
using namespace std::chrono_literals;

constexpr std::chrono::milliseconds shortest_pause = 100ms;
constexpr std::chrono::milliseconds longest_pause = 1000ms;
constexpr std::chrono::seconds silence = 15s;
constexpr std::chrono::hours longest_stream = 1h;

// An object instead of many captures: thousands of these wait at once.
struct Stream {
  std::function<News()> source;
  SteadyTime began = std::chrono::steady_clock::now();
  SteadyTime spoke = began;
  std::chrono::milliseconds pause = shortest_pause;

  http::StreamStep operator()() {
    News news = source();
    const SteadyTime now = std::chrono::steady_clock::now();
    http::StreamStep step{.data = std::move(news.events), .finished = news.finished};
    if (!step.data.empty()) {
      spoke = now;
      pause = shortest_pause;
      step.again_in = 0ms;
      return step;
    }
    if (now - spoke >= silence) {
      step.data = ": still here\n\n";
      spoke = now;
    }
    if (now - began >= longest_stream) step.finished = true;
    pause = std::min(longest_pause, pause + pause / 8);
    step.again_in = pause;
    return step;
  }
};

}  // namespace

std::string event(std::string_view name, std::string_view data, std::string_view id) {
  std::string text;
  text.reserve(name.size() + data.size() + id.size() + 32);
  if (!id.empty()) text.append("id: ").append(id).append("\n");
  text.append("event: ").append(name).append("\ndata: ").append(data).append("\n\n");
  return text;
}

http::Reply event_stream(std::function<News()> source) {
  http::Reply reply;
  reply.content_type = "text/event-stream";
  reply.headers.emplace_back("X-Accel-Buffering", "no");
  reply.stream = Stream{.source = std::move(source)};
  return reply;
}

Result<std::uint64_t> stream_start(const Call& call) {
  if (const std::string* last = call.request.header("last-event-id")) {
    const auto number = whole_number(*last);
    if (!number || *number >= (1LL << 53)) {
      return Error{Error::Kind::invalid,
                   "Last-Event-ID is " + cupola::quoted(*last) + ", no line number."};
    }
    return static_cast<std::uint64_t>(*number) + 1;
  }
  Query query(call);
  const std::int64_t from = query.number("from", 0, 1LL << 53, 0);
  if (query.fault()) return *query.fault();
  return static_cast<std::uint64_t>(from);
}

}  // namespace cupola::api
