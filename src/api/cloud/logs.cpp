#include <fmt/format.h>

#include "api/cloud/handlers.h"
#include "api/cloud/paging.h"
#include "api/cloud/place.h"
#include "api/input.h"
#include "api/run_log.h"
#include "api/run_watch.h"
#include "base/text.h"

namespace cupola::api::cloud {
namespace {

constexpr std::string_view list = "log";
constexpr std::size_t page_lines = 1000;
constexpr std::size_t page_bytes = 1u << 20;

/// "2026-11-26T10:04:34.373Z [info] tap-shop: …". The CLI prints it as it comes, so it is made for
/// people, and harmless on a terminal.
std::string message_of(const logs::Line& line) {
  const logs::MeltanoLine said = said_in(line);
  const bool is_platform = line.stream == logs::Stream::platform;
  const std::string_view speaker = !said.plugin.empty() ? std::string_view(said.plugin)
                                   : is_platform        ? "cupola"
                                                        : "meltano";
  const std::string level = said.level.empty() ? "" : "[" + said.level + "] ";
  return fmt::format("{} {}{}: {}", to_rfc3339(line.time), level, printable(speaker),
                     printable(said.text));
}

json::object to_json(const logs::Line& line) {
  return {{"timestamp", to_milliseconds(line.time)},
          {"ingestion_time", to_milliseconds(line.time)},
          {"message", message_of(line)}};
}

/// The CLI stops at a null pagination on the first page, and after that only where a page repeats
/// the token of its request: a null there has it begin again at the first line, for ever.
http::Reply page(const Call& call, const std::optional<logs::Reader>& reader, std::uint64_t from) {
  const std::uint64_t total = reader ? reader->lines() : 0;
  json::array results;
  std::uint64_t next = from;
  if (reader) {
    for (const logs::Line& line : reader->read(from, page_lines, page_bytes)) {
      results.emplace_back(to_json(line));
      next = line.number + 1;
    }
  }
  const bool is_last = next >= total || results.empty();
  const int size = static_cast<int>(page_lines);
  if (!is_last) {
    return page_reply(std::move(results), token_of(call, list, std::to_string(next)), size);
  }
  const std::string* asked = call.request.query_value("page_token");
  return page_reply(std::move(results), asked == nullptr ? "" : *asked, size);
}

/// {run}, and its log where it has one. Errors: not_found.
struct JobLog {
  store::Run run;
  std::optional<logs::Reader> reader;
};
Result<JobLog> log_of(const Call& call) {
  const auto job = call.context.database.read(
      [&](db::Session& db) -> Result<store::ListedRun> { return job_of(call, db); });
  if (!job) return job.error();
  auto reader = open_log(call, job->run);
  if (!reader) return reader.error();
  return JobLog{job->run, std::move(*reader)};
}

}  // namespace

/// GET …/tail/{run} gives a page of what there is at this moment.
Result<http::Reply> show_log(const Call& call) {
  Query query(call);
  const Page wanted = page_of(call, query, list);
  const auto from = wanted.after.empty() ? 0 : whole_number(wanted.after);
  if (!from) query.refuse_cursor("page_token");
  if (query.fault()) return *query.fault();
  const auto log = log_of(call);
  if (!log) return log.error();
  return page(call, log->reader, static_cast<std::uint64_t>(*from));
}

/// GET …/{run} gives the same messages as text, until the run is over.
Result<http::Reply> stream_log(const Call& call) {
  const auto log = log_of(call);
  if (!log) return log.error();
  http::Reply reply{.content_type = "text/plain; charset=utf-8"};
  reply.headers.emplace_back("X-Accel-Buffering", "no");
  reply.stream = [watch = call.watches.of(call.organization(), log->run.id),
                  from = std::uint64_t{0}]() mutable {
    const RunWatch::Sight sight = watch->look();
    http::StreamStep step;
    if (from < sight.lines) {
      for (const logs::Line& line : watch->read(from)) {
        step.data += message_of(line) + "\n";
        from = line.number + 1;
      }
    }
    step.finished = step.data.empty() && sight.finished;
    if (!step.data.empty()) step.again_in = std::chrono::milliseconds{0};
    return step;
  };
  return reply;
}

}  // namespace cupola::api::cloud
