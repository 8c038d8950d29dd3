#include "api/run_watch.h"

#include "api/to_json.h"
#include "store/runs.h"

namespace cupola::api {
namespace {

constexpr std::chrono::milliseconds log_pause{90};
constexpr std::chrono::milliseconds row_pause{450};
constexpr std::size_t most_forgotten = 1000;

}  // namespace

RunWatch::Sight RunWatch::look() {
  const std::lock_guard lock(mutex_);
  const auto now = std::chrono::steady_clock::now();
  if (!sight_.finished && now - log_seen_ >= log_pause) refresh(now);
  return sight_;
}

// The row first, then the log: what a finished run wrote is all there.
void RunWatch::refresh(std::chrono::steady_clock::time_point now) {
  log_seen_ = now;
  bool finished = false;
  if (now - row_seen_ >= row_pause) {
    row_seen_ = now;
    context_.database.read([&](db::Session& db) {
      const auto listed = store::find_listed_run(db, organization_, run_);
      finished = !listed || store::is_final(listed->run.status);
      sight_.run = listed && finished ? to_json_text(*listed) : "null";
    });
  }
  if (finished || !reader_) {
    Result<logs::Reader> opened = logs::Reader::open(context_.home.log(run_));
    if (opened) reader_.emplace(std::move(*opened));
  }
  if (reader_) sight_.lines = reader_->lines();
  sight_.finished = finished;
}

std::vector<logs::Line> RunWatch::read(std::uint64_t from) {
  const std::lock_guard lock(mutex_);
  return reader_ ? reader_->read(from, step_lines, step_bytes) : std::vector<logs::Line>();
}

std::shared_ptr<RunWatch> RunWatches::of(const OrganizationKey& organization, const RunId& run) {
  const std::lock_guard lock(mutex_);
  if (watches_.size() >= most_forgotten) {
    std::erase_if(watches_, [](const auto& entry) { return entry.second.expired(); });
  }
  std::weak_ptr<RunWatch>& known = watches_[run];
  std::shared_ptr<RunWatch> watch = known.lock();
  if (!watch) {
    watch = std::make_shared<RunWatch>(context_, organization, run);
    known = watch;
  }
  return watch;
}

}  // namespace cupola::api
