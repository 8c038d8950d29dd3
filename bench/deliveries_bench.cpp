// Signed webhooks to a receiver on this machine.
//
//   deliveries_bench [--recipients N] [--runs N]
//
// Each of N runs ends and is told to each of N recipients: rows are made of it, signed, sent, and
// what came back is written down. First all recipients answer at once; then one more is there that
// takes messages and never answers. On SQLite in a new folder, and on PostgreSQL where
// CUPOLA_TEST_POSTGRES names one. A figure is only printed when each message came, once.

#include <atomic>
#include <chrono>
#include <cstdio>
#include <mutex>
#include <set>
#include <utility>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/clock.h"
#include "db/database.h"
#include "http/server.h"
#include "notify/notifier.h"
#include "notify/signature.h"
#include "store/notifications.h"
#include "store/runs.h"
#include "testing/databases.h"
#include "testing/receiver.h"
#include "testing/tenant.h"

namespace cupola {
namespace {

using Steady = std::chrono::steady_clock;

/// Counts what comes, and answers at once.
class Sink {
 public:
  Sink() : server_({.workers = 1}, [this](const http::Request& request) { return take(request); }) {
    server_.start();
  }
  ~Sink() { server_.stop(); }
  std::string url(int recipient) const {
    return fmt::format("http://127.0.0.1:{}/{}", server_.port(), recipient);
  }
  std::size_t messages() const { return count_; }
  /// Those of one message tried twice count once.
  std::size_t different() const {
    const std::lock_guard lock(mutex_);
    return ids_.size();
  }

 private:
  http::Reply take(const http::Request& request) {
    const auto* id = request.header("webhook-id");
    if (id == nullptr || request.header("webhook-signature") == nullptr) return {.status = 400};
    const std::lock_guard lock(mutex_);
    ids_.insert(*id);
    ++count_;
    return {.status = 204};
  }

  std::atomic<std::size_t> count_ = 0;
  mutable std::mutex mutex_;
  std::set<std::string> ids_;
  http::Server server_;
};

void add_recipient(db::Session& db, const store::Vault& vault, const testing::Tenant& tenant,
                   const std::string& url, Instant now) {
  const auto made = store::set_notification(
      db, {.organization = tenant.organization.key, .recipient = url, .filters = {}}, now);
  store::set_secret_of(db, vault, made->notification, notify::new_webhook_secret());
}

void end_run(db::Session& db, const testing::Tenant& tenant, Instant now) {
  const auto run = testing::new_run(tenant, now);
  store::add_run(db, run, now);
  const auto claimed = store::claim_runs(db, "worker", 1, now);
  store::finish_run(db, {run.id, claimed.at(0).lease_token},
                    {.status = store::RunStatus::succeeded, .ended_at = now}, {}, now);
}

/// False when a message did not come, or came twice.
bool measure(const char* name, testing::DatabaseKind kind, int recipients, int runs,
             bool one_dead) {
  const testing::DatabasePlace place(kind), keys(testing::DatabaseKind::sqlite_file);
  const auto database = db::Database::open({.url = place.url()});
  const auto vault = store::Vault::open(keys.folder() / "key", *database);
  const SystemClock clock;
  Sink sink;
  testing::Receiver dead;
  dead.answer_with({""});
  database->write([&](db::Session& db) {
    const auto tenant = testing::add_tenant(db, "acme", clock.now());
    testing::add_live_release(db, tenant, {}, clock.now());
    if (one_dead) add_recipient(db, vault, tenant, dead.url(), clock.now());
    for (int i = 0; i < recipients; ++i) add_recipient(db, vault, tenant, sink.url(i), clock.now());
    for (int i = 0; i < runs; ++i) end_run(db, tenant, clock.now());
  });

  notify::Options options;
  options.worker = "here";
  options.guard = net::Guard({*net::parse_network("127.0.0.0/8")});
  notify::Notifier notifier({.database = *database, .vault = vault, .clock = clock},
                            std::move(options));
  const auto wanted = static_cast<std::size_t>(recipients) * static_cast<std::size_t>(runs);
  const auto start = Steady::now();
  while (sink.messages() < wanted && Steady::now() - start < std::chrono::minutes{10})
    notifier.step();
  const std::chrono::duration<double> took = Steady::now() - start;
  if (sink.messages() != wanted || sink.different() != wanted) {
    fmt::print(stderr, "{}: {} messages came, {} different; {} were to come\n", name,
               sink.messages(), sink.different(), wanted);
    return false;
  }
  fmt::print("{:<10} {} recipients{}, {} messages: {:.0f}/s\n", name, recipients,
             one_dead ? " beside one that never answers" : "", wanted,
             static_cast<double>(wanted) / took.count());
  return true;
}

}  // namespace
}  // namespace cupola

int main(int argc, char** argv) {
  using namespace cupola;
  using cupola::testing::DatabaseKind;
  CLI::App app("Delivers signed webhooks");
  int recipients = 100, runs = 100;
  app.add_option("--recipients", recipients);
  app.add_option("--runs", runs);
  CLI11_PARSE(app, argc, argv);
  for (const auto& [kind, name] : {std::pair{DatabaseKind::sqlite_file, "sqlite"},
                                   std::pair{DatabaseKind::postgres, "postgresql"}}) {
    if (!cupola::testing::DatabasePlace::is_there(kind)) continue;
    for (const bool one_dead : {false, true}) {
      if (!measure(name, kind, recipients, runs, one_dead)) return 1;
    }
  }
  return 0;
}
