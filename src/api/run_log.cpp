#include "api/run_log.h"

#include <fmt/format.h>

#include "api/events.h"
#include "api/handlers.h"
#include "api/input.h"
#include "api/lookup.h"
#include "api/run_watch.h"
#include "api/to_json.h"

namespace cupola::api {
namespace {

constexpr std::int64_t most_lines = 5000;
constexpr std::int64_t usual_lines = 1000;

std::string_view name_of(logs::Stream stream) {
  switch (stream) {
    case logs::Stream::output:
      return "output";
    case logs::Stream::error:
      return "error";
    case logs::Stream::platform:
      return "platform";
  }
  return "output";
}

json::object to_json(const logs::Line& line, bool with_raw) {
  json::object object{
      {"number", line.number}, {"time", to_rfc3339(line.time)}, {"stream", name_of(line.stream)}};
  const logs::MeltanoLine said = said_in(line);
  object["plugin"] = json_text(said.plugin);
  object["level"] = json_text(said.level);
  object["text"] = json_text(said.text);
  if (said.records) object["records"] = *said.records;
  if (!said.stream.empty()) object["singer_stream"] = json_text(said.stream);
  if (line.continued) object["continued"] = true;
  if (with_raw) object["raw"] = json_text(line.text);
  return object;
}

http::Reply page(const std::optional<logs::Reader>& reader, bool finished, std::int64_t from,
                 std::int64_t limit, bool with_raw) {
  const std::uint64_t total = reader ? reader->lines() : 0;
  json::array items;
  std::uint64_t next = static_cast<std::uint64_t>(from);
  if (reader) {
    for (const logs::Line& line : reader->read(next, static_cast<std::size_t>(limit))) {
      items.emplace_back(to_json(line, with_raw));
      next = line.number + 1;
    }
  }
  return json_reply(200, {{"lines", std::move(items)},
                          {"next", next < total ? json::value(next) : json::value()},
                          {"total", total},
                          {"finished", finished}});
}

// The bytes as they came, up to the present end.
http::Reply plain_text(std::optional<logs::Reader> reader, std::uint64_t from) {
  http::Reply reply;
  reply.content_type = "text/plain; charset=utf-8";
  if (!reader) return reply;
  // Shared by the copies that std::function makes of the closure; there is one at a time.
  auto shared = std::make_shared<logs::Reader>(std::move(*reader));
  reply.stream = [shared, from, end = shared->lines()]() mutable {
    http::StreamStep step{.again_in = std::chrono::milliseconds{0}};
    const std::vector<logs::Line> lines = shared->read(from, step_lines, step_bytes);
    for (const logs::Line& line : lines) {
      if (line.number >= end) break;
      step.data += line.text;
      if (!line.continued) step.data += '\n';
      from = line.number + 1;
    }
    step.finished = lines.empty() || from >= end;
    return step;
  };
  return reply;
}

http::Reply follow(std::shared_ptr<RunWatch> watch, std::uint64_t from, bool with_raw) {
  return event_stream([watch = std::move(watch), from, with_raw]() mutable {
    News news;
    const RunWatch::Sight sight = watch->look();
    if (from < sight.lines) {
      for (const logs::Line& line : watch->read(from)) {
        news.events += event("line", json::serialize(to_json(line, with_raw)),
                             fmt::format_int(line.number).c_str());
        from = line.number + 1;
      }
    } else if (sight.finished) {
      news.events = event("end", sight.run);
      news.finished = true;
    }
    return news;
  });
}

}  // namespace

logs::MeltanoLine said_in(const logs::Line& line) {
  if (line.stream != logs::Stream::platform) return logs::parse_meltano_line(line.text);
  logs::MeltanoLine said;
  said.text = line.text;
  return said;
}

Result<std::optional<logs::Reader>> open_log(const Call& call, const store::Run& run) {
  Result<logs::Reader> reader = logs::Reader::open(call.context.home.log(run.id));
  if (reader) return std::optional(std::move(*reader));
  if (store::is_final(run.status) && !run.log_kept && run.log_lines.value_or(0) > 0) {
    return Error{Error::Kind::not_found, "The log of this run is no longer kept.",
                 "Logs are cleaned up after the days that the operator has set."};
  }
  return std::optional<logs::Reader>();
}

/// GET …/log gives a page of lines; as text/plain all bytes; as text/event-stream what comes, too.
Result<http::Reply> show_run_log(const Call& call) {
  Query query(call);
  const std::int64_t from = query.number("from", 0, 1LL << 53, 0);
  const std::int64_t limit = query.number("limit", 1, most_lines, usual_lines);
  const std::string raw = query.text("raw");
  if (!raw.empty() && raw != "true" && raw != "false") query.refuse("?raw= is true or false.");
  if (query.fault()) return *query.fault();

  const Result<store::ListedRun> listed = call.context.database.read(
      [&](db::Session& db) -> Result<store::ListedRun> { return run_of(call, db); });
  if (!listed) return listed.error();
  const store::Run& run = listed->run;
  if (call.accepts("text/event-stream")) {
    const Result<std::uint64_t> start = stream_start(call);
    if (!start) return start.error();
    return follow(call.watches.of(call.organization(), run.id), *start, raw == "true");
  }
  Result<std::optional<logs::Reader>> reader = open_log(call, run);
  if (!reader) return reader.error();
  if (call.accepts("text/plain")) {
    return plain_text(std::move(*reader), static_cast<std::uint64_t>(from));
  }
  return page(*reader, store::is_final(run.status), from, limit, raw == "true");
}

}  // namespace cupola::api
