#include "api/cloud/handlers.h"
#include "api/cloud/paging.h"
#include "api/cloud/place.h"
#include "api/input.h"
#include "api/run_log.h"

namespace cupola::api::cloud {
namespace {

constexpr std::string_view list = "log";
constexpr std::size_t page_lines = 1000;
constexpr std::size_t page_bytes = 1u << 20;

json::object to_json(const logs::Line& line) {
  return {{"timestamp", to_milliseconds(line.time)},
          {"ingestion_time", to_milliseconds(line.time)},
          {"message", json_text(line.text)}};
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

}  // namespace

Result<http::Reply> show_log(const Call& call) {
  Query query(call);
  const Page wanted = page_of(call, query, list);
  const auto from = wanted.after.empty() ? 0 : whole_number(wanted.after);
  if (!from) query.refuse_cursor("page_token");
  if (query.fault()) return *query.fault();
  const auto job = call.context.database.read(
      [&](db::Session& db) -> Result<store::ListedRun> { return job_of(call, db); });
  if (!job) return job.error();
  const auto reader = open_log(call, job->run);
  if (!reader) return reader.error();
  return page(call, *reader, static_cast<std::uint64_t>(*from));
}

}  // namespace cupola::api::cloud
