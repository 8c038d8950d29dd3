#include "simulation/story.h"

#include <algorithm>

#include "base/check.h"
#include "simulation/expected_fires.h"
#include "store/release_content.h"
#include "store/runs.h"

namespace cupola::simulation {
namespace {

const std::vector<std::string> zones = {"UTC", "UTC", "Europe/Berlin", "America/New_York",
                                        "Australia/Lord_Howe"};
const std::vector<std::string> state_ids = {"a", "b", "c"};

}  // namespace

Story::Story(Shared& shared, std::vector<std::unique_ptr<Server>>& servers)
    : shared_(shared),
      world_(shared.world),
      random_(shared.world.random),
      apart_(Random(random_).next() ^ 0x5eedULL),
      servers_(servers) {}

void Story::begin() {
  choose_faults();
  const int count = random_.chance(35) ? 1 : 2 + random_.below(2);
  for (int i = 0; i < count; ++i) {
    servers_.push_back(
        std::make_unique<Server>(shared_, fmt::format("server{}", i + 1), count > 1));
  }
  const Instant now = world_.now();
  shared_.database.write([&](db::Session& db) {
    organization_ = *store::create_organization(db, "acme", now);
    project_ = *store::create_project(db, organization_.key, "data", "https://git.example/data.git",
                                      ".", now);
    for (int i = 0; i < 2; ++i) {
      const std::string name = fmt::format("deployment{}", i + 1);
      Deployment deployment{.row = *store::create_deployment(db, organization_.key, project_.key,
                                                             name, "prod", "main", now)};
      const int schedules = 1 + random_.below(3);
      for (int number = 0; number < schedules; ++number)
        deployment.schedules.push_back(new_schedule(number));
      deploy_now(db, deployment, now);
      for (const auto& schedule : store::list_all_schedules(db, deployment.row.key)) {
        world_.name_of(schedule.key.text(), "schedule");
        if (random_.chance(80)) store::set_enabled(db, schedule.key, true, now);
      }
      deployments_.push_back(std::move(deployment));
    }
  });
  for (const auto& server : servers_) server->start();
  if (count > 1 && random_.chance(15)) world_.at(random_.between(30s, 4min), [this] { retire(); });
  if (with_settings_) world_.at(apart_.between(5s, 90s), [this] { change_settings(); });
  go_on();
}

void Story::choose_faults() {
  with_retries_ = apart_.chance(50);
  with_settings_ = apart_.chance(50);
  const auto some = [&](int most) { return random_.chance(50) ? 0 : 1 + random_.below(most); };
  shared_.database_faults = {.refused = some(20'000),
                             .undone = some(10'000),
                             .kept_untold = some(10'000),
                             .done_twice = some(10'000)};
  shared_.server_faults = {.killed = some(2'000),
                           .held_up = some(10'000),
                           .paused = some(3'000),
                           .start_fails = some(50'000),
                           .starts_hit = some(25),
                           .deaf = some(20)};
  shared_.host_faults = {.slow_starts = random_.chance(35) ? 40 : 0,
                         .supervisor_dies = some(15),
                         .hangs = some(10),
                         .stuck = some(4)};
  actions_ = {&Story::switch_schedule, &Story::switch_schedule, &Story::deploy,
              &Story::run_by_hand,     &Story::run_by_hand,     &Story::run_by_hand,
              &Story::stop_run,        &Story::stop_run};
  for (const Action fault :
       {&Story::kill, &Story::kill, &Story::pause, &Story::cut_off, &Story::database_down,
        &Story::disk_full, &Story::set_clock, &Story::lose_power, &Story::cut_off_and_restart,
        &Story::cut_off_until_the_last_look, &Story::only_read}) {
    if (random_.chance(35)) actions_.push_back(fault);
  }
  if (random_.chance(10)) {
    actions_.push_back(&Story::long_outage);
  } else if (random_.chance(17)) {
    be_slow();
  }
}

/// Servers in whose steps much time goes by, so that much happens between two transactions of one.
void Story::be_slow() {
  shared_.server_faults.held_up = 50'000 + random_.below(100'000);
  shared_.server_faults.long_holds = 40;
  longest_quiet_ = 12s;
  actions_.insert(actions_.end(), {&Story::deploy_twice, &Story::deploy_twice, &Story::cut_off});
}

store::ReleasedSchedule Story::new_schedule(int number) {
  using store::Missed;
  using store::Overlap;
  store::ReleasedSchedule schedule{
      .name = fmt::format("schedule{}", number + 1),
      .given = {.overlap = random_.pick<Overlap>(
                    {Overlap::queue_one, Overlap::queue_one, Overlap::skip, Overlap::allow}),
                .missed = random_.pick<Missed>(
                    {Missed::latest, Missed::latest, Missed::skip, Missed::all})}};
  vary(schedule);
  return schedule;
}

/// What a deploy may change.
void Story::vary(store::ReleasedSchedule& schedule) {
  schedule.interval = random_.pick(intervals()).text;
  if (random_.chance(40)) schedule.interval = "* * * * *";
  schedule.given.timezone = random_.pick(zones);
  schedule.given.run_timeout = random_.between(20s, 4min);
  if (with_retries_) {
    schedule.given.retries = apart_.below(3);
    schedule.given.retry_wait = apart_.pick<std::chrono::milliseconds>({0ms, 1s, 20s, 45s, 2min});
  }
  if (with_settings_) {
    schedule.given.pause_after = apart_.pick<int>({0, 0, 1, 3});
    schedule.given.offset = apart_.pick<store::OffsetRule>({{}, {}, {.minutes = 0min}});
  }
  schedule.state_ids.clear();
  for (const std::string& state_id : state_ids) {
    if (random_.chance(40)) schedule.state_ids.push_back(state_id);
  }
}

/// What deploy::Deployer does when it switches over.
void Story::deploy_now(db::Session& db, const Deployment& deployment, Instant now) {
  const auto queued = store::queue_release(db, deployment.row, {}, now);
  const auto claimed = store::claim_release(db, "deployer", now, 1min);
  if (!claimed) return;
  store::ReleaseContent content{
      .commit = std::string(40, 'a'), .directory = ".", .environment = "prod"};
  for (const auto& schedule : deployment.schedules) {
    content.schedules.push_back({.settings = schedule, .command = {"run", "tap", "target"}});
  }
  const auto switched = store::switch_over(db,
                                           {.release = claimed->key,
                                            .worker = "deployer",
                                            .commit = content.commit,
                                            .content = store::to_json_text(content),
                                            .lock = "{}",
                                            .plan = "{}"},
                                           now);
  CUPOLA_CHECK(switched.has_value());
  int offset = 0;
  store::replace_schedules(
      db, deployment.row.key, deployment.schedules,
      [&] {
        return std::chrono::minutes(static_cast<int>(deployment.schedules.size()) * 2 - 7 +
                                    offset++);
      },
      now);
}

void Story::heal() {
  world_.note("-- the faults are over --");
  shared_.may_fail = false;
  shared_.database_faults = {};
  shared_.server_faults = {};
  shared_.host_faults = {};
  shared_.database_down_until = shared_.disk_full_until = world_.now();
  for (const auto& server : servers_) {
    server->resume();
    server->set_clock(0ms);
    server->start();
  }
}

void Story::switch_off() {
  shared_.database.write([&](db::Session& db) {
    for (const Deployment& deployment : deployments_) {
      for (const auto& schedule : store::list_all_schedules(db, deployment.row.key))
        store::set_enabled(db, schedule.key, false, world_.now());
    }
  });
}

void Story::go_on() {
  if (!shared_.may_fail) return;
  (this->*random_.pick(actions_))();
  world_.at(random_.between(1s, longest_quiet_), [this] { go_on(); });
}

// -- users, through whichever server answers --

void Story::as_user(std::function<void(db::Database&, const Server&)> action) {
  const auto& server = random_.pick(servers_);
  server->as_user([action = std::move(action), server = server.get()](db::Database& database) {
    action(database, *server);
    server->wake();
  });
}

void Story::switch_schedule() {
  const auto& deployment = random_.pick(deployments_).row;
  const auto which = random_.next();
  as_user([=](db::Database& database, const Server& server) {
    database.write([&](db::Session& db) {
      const auto all = store::list_all_schedules(db, deployment.key);
      const auto& schedule = all[which % all.size()];
      store::set_enabled(db, schedule.key, !schedule.enabled, server.now());
    });
  });
}

void Story::deploy() {
  deploy_to(static_cast<std::size_t>(random_.below(2)));
}

/// Somebody sees at once that it was the wrong commit.
void Story::deploy_twice() {
  const auto which = static_cast<std::size_t>(random_.below(2));
  deploy_to(which);
  world_.at(random_.between(1ms, 5s), [this, which] { deploy_to(which); });
}

void Story::deploy_to(std::size_t which) {
  Deployment& deployment = deployments_[which];
  for (auto& schedule : deployment.schedules) {
    if (random_.chance(50)) vary(schedule);
  }
  as_user([this, deployment](db::Database& database, const Server& server) {
    world_.note("{} deploys {}", server.name(), deployment.row.name);
    database.write([&](db::Session& db) { deploy_now(db, deployment, server.now()); });
  });
}

/// Somebody sets settings of a schedule, again and again, or takes them back.
void Story::change_settings() {
  if (!shared_.may_fail) return;
  const auto deployment = apart_.pick(deployments_).row.key;
  const auto which = apart_.next();
  store::ScheduleSettings own;
  if (apart_.chance(80)) own.offset = {.minutes = std::chrono::minutes(apart_.below(15) - 7)};
  if (apart_.chance(20)) own.timezone = apart_.pick(zones);
  if (apart_.chance(20)) own.pause_after = apart_.below(3);
  Server* server = apart_.pick(servers_).get();
  server->as_user([=, this](db::Database& database) {
    database.write([&](db::Session& db) {
      const auto all = store::list_all_schedules(db, deployment);
      const auto& schedule = all[which % all.size()];
      if (!schedule.present) return;
      world_.note("{} is set to {}", world_.name_of(schedule.key.text(), "schedule"),
                  json::serialize(store::to_json(own)));
      store::set_own_settings(db, schedule, own, server->now());
    });
    server->wake();
  });
  world_.at(apart_.between(5s, 90s), [this] { change_settings(); });
}

void Story::run_by_hand() {
  const auto& deployment = random_.pick(deployments_);
  const auto& schedule = random_.pick(deployment.schedules);
  as_user([=, this](db::Database& database, const Server& server) {
    const RunId id = new_id<RunId>();
    world_.name_of(id.text(), "run");
    database.write([&](db::Session& db) {
      store::add_run(db,
                     {.id = id,
                      .organization = organization_.key,
                      .project = project_.key,
                      .deployment = deployment.row.key,
                      .tasks = {"tap", "target"},
                      .due_at = server.now(),
                      .state_ids = schedule.state_ids,
                      .run_timeout = *schedule.given.run_timeout},
                     server.now());
    });
  });
}

void Story::stop_run() {
  const auto which = random_.next();
  as_user([=, this](db::Database& database, const Server& server) {
    database.write([&](db::Session& db) {
      const auto open = db.all("SELECT id FROM runs WHERE ended_at IS NULL ORDER BY id",
                               [](const db::Row& row) { return row.get<RunId>(0); });
      if (open.empty()) return;
      (void)store::request_stop(db, organization_.key, open[which % open.size()], "user",
                                server.now());
    });
  });
}

// -- faults --

void Story::kill() {
  Server* server = random_.pick(servers_).get();
  server->kill();
  const auto away = random_.chance(70) ? random_.between(10ms, 5s) : random_.between(5s, 3min);
  world_.at(away, [server] { server->start(); });
}

void Story::pause() {
  random_.pick(servers_)->pause(random_.chance(60) ? random_.between(1s, 40s)
                                                   : random_.between(40s, 10min));
}

void Story::cut_off() {
  random_.pick(servers_)->cut_off(random_.between(1s, 90s));
}

/// Its runs are told lost and go on, and then it cannot remember that they were its own.
void Story::cut_off_and_restart() {
  Server* server = random_.pick(servers_).get();
  const auto away = random_.between(28s, 60s);
  server->cut_off(away);
  world_.at(away - random_.between(0ms, 3s),
            [this, server] { server->restart(random_.between(10ms, 5s)); });
}

/// It beats again just when others have seen enough to tell its runs lost, and wait to write that.
void Story::cut_off_until_the_last_look() {
  Server* server = random_.pick(servers_).get();
  server->cut_off(random_.between(28500ms, 31s));
  world_.at(27s, [this, server] {
    for (const auto& other : servers_) {
      if (other.get() != server) other->write_slowly(5s);
    }
  });
}

void Story::only_read() {
  random_.pick(servers_)->only_read(random_.between(1s, 90s));
}

void Story::retire() {
  Server* server = random_.pick(servers_).get();
  server->retire();
  if (random_.chance(50)) server->host().lose_power();
}

void Story::database_down() {
  const auto span = random_.between(1s, 60s);
  world_.note("the database is down for {}", to_text(span));
  shared_.database_down_until = world_.now() + span;
}

void Story::disk_full() {
  const auto span = random_.between(1s, 60s);
  world_.note("the disk is full for {}", to_text(span));
  shared_.disk_full_until = world_.now() + span;
}

/// Less than scheduler::clocks_differ_by between any two: what a clock that was set makes of fires
/// has tests of its own.
void Story::set_clock() {
  const std::vector<std::chrono::milliseconds> spans = {0ms, 500ms, 3s, 20s};
  const auto skew = random_.pick(spans);
  random_.pick(servers_)->set_clock(random_.chance(50) ? skew : -skew);
}

void Story::lose_power() {
  Server* server = random_.pick(servers_).get();
  world_.note("the machine of {} loses power", server->name());
  server->kill();
  server->host().lose_power();
  world_.at(random_.between(1s, 60s), [server] { server->start(); });
}

/// Nobody is there for an hour, a day, a month.
void Story::long_outage() {
  const auto away = random_.pick<std::chrono::milliseconds>({1h, 25h, 30 * 24h});
  world_.note("all servers are away for {}", to_text(away));
  for (const auto& server : servers_) server->kill();
  world_.leap(away);
  for (const auto& server : servers_) server->start();
}

}  // namespace cupola::simulation
