#include <fmt/format.h>
#include <unistd.h>

#include "api/events.h"
#include "api/handlers.h"
#include "api/lookup.h"
#include "api/to_json.h"
#include "base/files.h"

namespace cupola::api {
namespace {

constexpr std::size_t step_bytes = 64u << 10;

// Up to 64 KiB of the deploy's log from `offset`; nothing where it is not there yet.
std::string read_log(const Context& context, const ReleaseKey& release, std::uint64_t offset) {
  const auto path = context.home.deploy_log(release);
  const Result<Fd> file = open_beneath(path.parent_path(), path.filename());
  if (!file) return "";
  std::string bytes(step_bytes, '\0');
  const ssize_t size = ::pread(file->get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
  if (size < 0) throw Failure("Cannot read " + path.string() + ": " + system_text(errno));
  bytes.resize(static_cast<std::size_t>(size));
  return bytes;
}

bool is_over(store::ReleaseStatus status) {
  return status != store::ReleaseStatus::queued && status != store::ReleaseStatus::building;
}

http::Reply plain_text(const Context& context, const ReleaseKey& release) {
  http::Reply reply;
  reply.content_type = "text/plain; charset=utf-8";
  reply.stream = [&context, release, offset = std::uint64_t{0}]() mutable {
    http::StreamStep step{.again_in = std::chrono::milliseconds{0}};
    step.data = read_log(context, release, offset);
    offset += step.data.size();
    step.finished = step.data.size() < step_bytes;
    return step;
  };
  return reply;
}

/// Gives whole lines from an offset on, then the end. An event's id is the offset of its last byte.
class Follower {
 public:
  Follower(const Context& context, ReleaseKey release, std::uint64_t offset)
      : context_(context), release_(std::move(release)), offset_(offset) {}

  News operator()() {
    News news;
    // The row first, then the log: what a finished deploy wrote is all there.
    const auto row =
        context_.database.read([&](db::Session& db) { return store::find_release(db, release_); });
    const bool over = !row || is_over(row->status);
    const std::string bytes = read_log(context_, release_, offset_);
    std::size_t taken = 0;
    for (std::size_t end = bytes.find('\n'); end != std::string::npos;
         end = bytes.find('\n', taken)) {
      add_line(news, std::string_view(bytes).substr(taken, end - taken), end + 1 - taken);
      taken = end + 1;
    }
    const std::string_view rest = std::string_view(bytes).substr(taken);
    const bool torn = !rest.empty() && (bytes.size() == step_bytes ? taken == 0 : over);
    if (torn) add_line(news, rest, rest.size());
    if (over && bytes.empty()) {
      const json::object end{{"status", row ? to_text(row->status) : "retired"},
                             {"error", row ? or_null(row->error) : json::value()}};
      news.events = event("end", json::serialize(end));
      news.finished = true;
    }
    return news;
  }

 private:
  void add_line(News& news, std::string_view line, std::size_t size) {
    offset_ += size;
    const json::object data{{"text", json_text(line)}};
    news.events += event("line", json::serialize(data), fmt::format_int(offset_ - 1).c_str());
  }

  const Context& context_;
  ReleaseKey release_;
  std::uint64_t offset_;
};

}  // namespace

/// GET …/releases/{number}/log gives the deploy's log; as text/event-stream until it is over.
Result<http::Reply> show_release_log(const Call& call) {
  const Result<store::Release> release = call.context.database.read(
      [&](db::Session& db) -> Result<store::Release> { return release_of(call, db); });
  if (!release) return release.error();
  if (!call.accepts("text/event-stream")) return plain_text(call.context, release->key);
  const Result<std::uint64_t> start = stream_start(call);
  if (!start) return start.error();
  return event_stream(Follower(call.context, release->key, *start));
}

}  // namespace cupola::api
