#include "supervisor/run_log.h"

#include <cstdio>
#include <exception>

#include "base/crash_point.h"

namespace cupola::supervisor {
namespace {

constexpr std::chrono::milliseconds longest_wait{50};

logs::WriterOptions options_of(const RunSpec& spec) {
  logs::WriterOptions options{.masked = spec.masked, .limit = spec.log_limit};
  for (const auto& [name, secret] : spec.secrets) options.masked.push_back(secret);
  for (const auto& [path, content] : spec.files) options.masked.push_back(content);
  return options;
}

}  // namespace

// The one place of this program that goes on after a Failure: the pipes must be emptied, or the run
// would hang on its full disk.
template <typename Step>
void RunLog::attempt(Step step) {
  if (failed_) return;
  try {
    step();
  } catch (const std::exception& failure) {
    failed_ = true;
    flush_due_.reset();
    std::fprintf(stderr, "The log is cut: %s\n", failure.what());
  }
}

RunLog::RunLog(const RunSpec& spec) : clock_(spec.booted_at) {
  attempt([&] { writer_.emplace(logs::Writer::open(spec.log, options_of(spec))); });
  crash_point("supervisor.log_opened");
}

void RunLog::append(logs::Stream stream, std::string_view bytes) {
  attempt([&] {
    writer_->append(stream, bytes, clock_.now());
    if (!flush_due_) flush_due_ = std::chrono::steady_clock::now() + longest_wait;
  });
}

void RunLog::note(std::string_view text) {
  attempt([&] {
    writer_->note(text, clock_.now());
    writer_->flush();
  });
}

void RunLog::flush() {
  flush_due_.reset();
  attempt([&] { writer_->flush(); });
}

void RunLog::close() {
  flush_due_.reset();
  attempt([&] { writer_->close(clock_.now()); });
}

}  // namespace cupola::supervisor
