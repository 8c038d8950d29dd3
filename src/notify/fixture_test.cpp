#include "notify/expand.h"
#include "notify/notify_test.h"
#include "notify/signature.h"

namespace cupola::notify {

void NotifyTest::SetUp() {
  EachDatabase::SetUp();
  if (IsSkipped()) return;
  key_place = std::make_unique<testing::DatabasePlace>(testing::DatabaseKind::sqlite_file);
  vault = std::make_unique<store::Vault>(store::Vault::open(key_place->folder() / "key", *db));
  tenant = db->write([](db::Session& session) {
    auto added = testing::add_tenant(session, "acme", noon);
    const auto schedule = [](const char* name, const char* interval) {
      return store::ReleasedSchedule{.name = name,
                                     .interval = interval,
                                     .given = {.overlap = store::Overlap::allow},
                                     .state_ids = {}};
    };
    testing::add_live_release(session, added,
                              {schedule("daily", "@daily"), schedule("hourly", "@hourly")}, noon);
    return added;
  });
}

void NotifyTest::TearDown() {
  vault.reset();
  EachDatabase::TearDown();
}

store::Notification NotifyTest::set(const std::string& url, const std::string& filters,
                                    const store::NotificationScope& scope, bool only_on_change) {
  return db->write([&](db::Session& session) {
    const auto made =
        store::set_notification(session,
                                {.organization = tenant.organization.key,
                                 .scope = scope,
                                 .recipient = url,
                                 .filters = *store::parse_filters(*parse_json(filters)),
                                 .only_on_change = only_on_change},
                                clock.now());
    store::set_secret_of(session, *vault, made->notification, new_webhook_secret());
    return *store::find_notification(session, tenant.organization.key, made->notification.id);
  });
}

RunId NotifyTest::end_run(store::RunStatus status, const std::string& cause,
                          const std::string& schedule) {
  auto run = testing::new_run(tenant, clock.now());
  const Instant now = clock.now();
  db->write([&](db::Session& session) {
    if (!schedule.empty()) {
      run.schedule =
          store::find_schedule(session, tenant.organization.key, tenant.deployment.key, schedule)
              ->key;
      run.schedule_name = schedule;
    }
    store::add_run(session, run, now);
    const auto claimed = store::claim_runs(session, "worker", 1, now);
    ASSERT_EQ(claimed.size(), 1u);
    store::finish_run(session, {run.id, claimed[0].lease_token},
                      {.status = status,
                       .cause = cause.empty() ? std::nullopt : std::optional(cause),
                       .ended_at = now},
                      {}, now);
  });
  return run.id;
}

void NotifyTest::expand() {
  while (db->write([&](db::Session& session) { return expand_events(session, 100, clock.now()); }) >
         0) {
  }
}

std::unique_ptr<Notifier> NotifyTest::new_notifier(const std::string& worker) {
  Options options;
  options.worker = worker;
  options.guard = net::Guard({*net::parse_network("127.0.0.0/8")});
  return std::make_unique<Notifier>(
      Notifier::Dependencies{.database = *db, .vault = *vault, .clock = clock}, std::move(options));
}

std::vector<store::LoggedDelivery> NotifyTest::log_of(const store::Notification& notification) {
  return db->read([&](db::Session& session) {
    return store::list_deliveries(session, tenant.organization.key, notification.id, std::nullopt,
                                  "", 200);
  });
}

store::Notification NotifyTest::now_of(const store::Notification& notification) {
  return *db->read([&](db::Session& session) {
    return store::find_notification(session, tenant.organization.key, notification.id);
  });
}

std::vector<std::string> NotifyTest::told(const store::Notification& notification) {
  std::vector<std::string> all;
  for (const auto& logged : log_of(notification)) {
    all.insert(all.begin(), logged.delivery.told);
  }
  return all;
}

std::int64_t NotifyTest::count(const std::string& table) {
  return *db->read([&](db::Session& session) {
    return session.one("SELECT count(*) FROM " + table,
                       [](const db::Row& row) { return row.get<std::int64_t>(0); });
  });
}

}  // namespace cupola::notify
