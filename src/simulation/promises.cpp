#include "simulation/promises.h"

#include <algorithm>
#include <utility>

#include "store/runs.h"
#include "store/schedules.h"

namespace cupola::simulation {
namespace {

constexpr const char* watch_sql[] = {
    "CREATE TABLE happened (number INTEGER PRIMARY KEY, kind text, subject text, a text, b text,"
    " c text, d text, e text, attempt bigint NOT NULL DEFAULT 0, before bigint NOT NULL DEFAULT 0,"
    " most bigint NOT NULL DEFAULT 0, due bigint NOT NULL DEFAULT 0)",
    R"sql(CREATE TRIGGER run_added AFTER INSERT ON runs BEGIN
      INSERT INTO happened (kind, subject, a, b, c, d, e) VALUES ('run added', NEW.id,
        coalesce(NEW.schedule_key, ''), CAST(coalesce(NEW.scheduled_at, '') AS text), '', '', '');
    END)sql",
    R"sql(CREATE TRIGGER run_changed AFTER UPDATE ON runs
    WHEN OLD.status <> NEW.status OR OLD.ended_at IS NOT NULL OR OLD.attempt <> NEW.attempt BEGIN
      INSERT INTO happened (kind, subject, a, b, c, d, e, attempt, before, most, due) VALUES (
        'run', NEW.id, OLD.status, NEW.status, CAST(coalesce(NEW.exit_code, '') AS text),
        CAST(NEW.lease_token AS text),
        coalesce(NEW.cancel_code, '') || ' ' || coalesce(NEW.cause, ''),
        NEW.attempt, OLD.attempt, NEW.most_attempts, NEW.due_at);
    END)sql",
    R"sql(CREATE TRIGGER state_added AFTER INSERT ON states BEGIN
      INSERT INTO happened (kind, subject, a, b, c, d, e) SELECT 'state', NEW.state_id, NEW.payload,
        coalesce(NEW.run_id, ''), CAST(count(*) AS text), '', '' FROM run_locks
        WHERE scope = NEW.project_key AND name = NEW.state_id AND run_id = NEW.run_id;
    END)sql",
    R"sql(CREATE TRIGGER state_changed AFTER UPDATE OF payload ON states BEGIN
      INSERT INTO happened (kind, subject, a, b, c, d, e) SELECT 'state', NEW.state_id, NEW.payload,
        coalesce(NEW.run_id, ''), CAST(count(*) AS text), '', '' FROM run_locks
        WHERE scope = NEW.project_key AND name = NEW.state_id AND run_id = NEW.run_id;
    END)sql",
    R"sql(CREATE TRIGGER first_beat AFTER INSERT ON workers BEGIN
      INSERT INTO happened (kind, subject, a, b, c, d, e) VALUES ('beat', NEW.worker, '', '', '',
        '', '');
    END)sql",
    R"sql(CREATE TRIGGER beat AFTER UPDATE ON workers BEGIN
      INSERT INTO happened (kind, subject, a, b, c, d, e) VALUES ('beat', NEW.worker, '', '', '',
        '', '');
    END)sql",
    R"sql(CREATE TRIGGER schedule_changed AFTER UPDATE ON schedules BEGIN
      INSERT INTO happened (kind, subject, a, b, c, d, e, due) VALUES ('schedule', NEW.key,
        CASE WHEN NEW.planned = 1 THEN CAST(coalesce(NEW.due_at, '') AS text) ELSE '' END,
        NEW.interval, NEW.timezone, CAST(NEW.offset_minutes AS text),
        CAST(min(coalesce(NEW.planned_at, 1 << 60),
          max(coalesce(NEW.enabled_at, NEW.interval_since), NEW.interval_since)) AS text),
        coalesce(NEW.due_nominal, 0));
    END)sql",
};

/// After so many looks of another without a beat of its own, or nearly, a server's runs are lost
/// (runner::looks_for).
constexpr int many_looks = 25;
/// Its supervisors have ended theirs by then (runner::longest_silence_for, and a tenth of it).
constexpr std::chrono::milliseconds long_silence = 23s;
/// A server that can see that its run is another's kills it within that.
constexpr std::chrono::milliseconds until_killed = 30s;
/// The clock of a server is wrong by so much at most (`Story::set_clock`).
constexpr std::chrono::milliseconds wrong_by = 20s;

bool is_allowed(store::RunStatus from, store::RunStatus to) {
  using S = store::RunStatus;
  if (store::is_final(from)) return false;
  switch (from) {
    case S::queued:
      return to == S::starting || to == S::cancelled || to == S::skipped || to == S::failed;
    case S::starting:
      return to != S::skipped && to != S::starting;
    case S::running:
      return to == S::queued || to == S::stopping || (store::is_final(to) && to != S::skipped);
    default:
      return store::is_final(to) && to != S::skipped;
  }
}

std::int64_t number_in(std::string_view text) {
  const auto digits = text.find_first_of("0123456789");
  return digits == std::string_view::npos ? 0 : std::stoll(std::string(text.substr(digits)));
}

}  // namespace

struct Promises::Change {
  std::string kind, subject, a, b, c, d, e;
  int attempt, before, most;
  Instant due;
};

Promises::Promises(Shared& shared, const std::vector<std::unique_ptr<Server>>& servers)
    : shared_(shared), servers_(servers) {
  shared_.database.write([](db::Session& db) {
    for (const char* sql : watch_sql) db.execute(sql);
  });
}

void Promises::check() {
  check_given_up();
  if (shared_.database.writes() == seen_writes_) return;
  const auto changes = shared_.database.write([](db::Session& db) {
    auto all = db.all(
        "SELECT kind, subject, a, b, c, d, e, attempt, before, most, due"
        " FROM happened ORDER BY number",
        [](const db::Row& row) {
          return Change{row.get<std::string>(0), row.get<std::string>(1), row.get<std::string>(2),
                        row.get<std::string>(3), row.get<std::string>(4), row.get<std::string>(5),
                        row.get<std::string>(6), row.get<int>(7),         row.get<int>(8),
                        row.get<int>(9),         row.get<Instant>(10)};
        });
    if (!all.empty()) db.execute("DELETE FROM happened");
    return all;
  });
  seen_writes_ = shared_.database.writes();
  for (const Change& change : changes) {
    if (change.kind == "beat") beaten(change.subject);
    if (change.kind == "run") run_changed(change);
    if (change.kind == "run added") run_added(change);
    if (change.kind == "state") state_written(change);
    if (change.kind == "schedule") schedule_changed(change);
  }
}

void Promises::run_changed(const Change& change) {
  const std::string& name = shared_.world.name_of(change.subject, "run");
  shared_.world.note("{}: {} -> {} (token {}) {}", name, change.a, change.b, change.d, change.e);
  last_change_ = shared_.world.now();
  const auto from = *store::parse_run_status(change.a);
  const auto to = *store::parse_run_status(change.b);
  if (!is_allowed(from, to)) broken("{} went from {} to {}", name, change.a, change.b);
  attempt_changed(change);
  // Judged by a clock that was ahead: the fire comes again at its time.
  if (to == store::RunStatus::skipped && change.e.starts_with("clock_set_back"))
    fired_.erase(fire_of_[change.subject]);
  if (to == store::RunStatus::succeeded) {
    const auto truth = shared_.truths.find(RunId(change.subject));
    if (truth == shared_.truths.end() || !truth->second.exited_well.contains(change.attempt) ||
        change.c != "0")
      broken("{} was told to have succeeded, but its program never exited with 0", name);
  }
  if (to == store::RunStatus::lost) lost(RunId(change.subject));
}

void Promises::lost(const RunId& run) {
  for (const auto& server : servers_) {
    for (const auto& process : server->host().live()) {
      if (process->run != run || !process->is_running) continue;
      if (!could_not_beat(*server))
        broken("{} was told lost, but {} is alive and so is its server",
               shared_.world.name_of(run.text(), "run"), process->name);
      given_up_.push_back(
          {.process = process, .server = server.get(), .looked_at = shared_.world.now()});
    }
  }
  check_given_up();
}

void Promises::beaten(const std::string& worker) {
  for (const auto& server : servers_) {
    if (server->name() != worker) ++beats_since_[server->name()][worker];
  }
  beats_since_[worker].clear();
}

/// Others did so for long while it did not. When nobody can, nobody's runs are lost.
bool Promises::could_not_beat(const Server& server) const {
  const auto since = beats_since_.find(server.name());
  return since != beats_since_.end() &&
         std::any_of(since->second.begin(), since->second.end(),
                     [](const auto& other) { return other.second >= many_looks; });
}

/// A server that lives and cannot reach the database cannot know that others take its runs for
/// lost. Nothing can be done about that without ending runs when the database is gone for all.
void Promises::check_given_up() {
  const Instant now = shared_.world.now();
  std::erase_if(given_up_, [&](GivenUp& one) {
    if (!one.process->is_running) return true;
    if (now - one.server->last_sign() > long_silence)
      broken("{} outlives its server", one.process->name);
    // In steps, because time may leap where nobody is there.
    const auto passed = std::min<std::chrono::milliseconds>(now - one.looked_at, 2s);
    one.kept_for = one.server->can_see_its_runs() ? one.kept_for + passed : 0ms;
    one.looked_at = now;
    if (one.kept_for > until_killed)
      broken("{} goes on though its run was told lost", one.process->name);
    return false;
  });
}

void Promises::attempt_changed(const Change& change) {
  const std::string& name = shared_.world.name_of(change.subject, "run");
  const auto from = *store::parse_run_status(change.a);
  const auto to = *store::parse_run_status(change.b);
  std::int64_t& token = tokens_[change.subject];
  const std::int64_t before = std::exchange(token, std::stoll(change.d));
  if (token < before) broken("the token of {} went back from {} to {}", name, before, token);
  if (change.attempt > change.most)
    broken("{} is at attempt {} of {}", name, change.attempt, change.most);
  if (to == store::RunStatus::skipped && change.attempt > 1)
    broken("{} was skipped after it had started", name);
  if (store::is_final(to)) check_that_it_is_over(change);
  if (to == store::RunStatus::starting && change.attempt > 1 &&
      shared_.world.now() + wrong_by < change.due)
    broken("attempt {} of {} starts before its time", change.attempt, name);
  if (change.attempt == change.before) {
    if (from == store::RunStatus::running && to == store::RunStatus::queued)
      broken("{} was queued again under its old attempt", name);
    return;
  }
  if (change.attempt != change.before + 1 || to != store::RunStatus::queued || token == before)
    broken("{} went from attempt {} to {}, {}, token {} to {}", name, change.before, change.attempt,
           change.b, before, token);
  const auto [ended_at, wait, was_lost] = *shared_.database.read([&](db::Session& db) {
    return db.one(
        "SELECT a.ended_at, r.retry_wait, a.status FROM run_attempts a JOIN runs r ON r.id = "
        "a.run_id"
        " WHERE a.run_id = :id AND a.attempt = :attempt",
        [](const db::Row& row) {
          return std::tuple(row.get<Instant>(0), row.get<std::chrono::milliseconds>(1),
                            row.get<std::string_view>(2) == "lost");
        },
        {{"id", change.subject}, {"attempt", change.before}});
  });
  if (was_lost) lost(RunId(change.subject));
  if (change.due + wrong_by < ended_at + wait * (1 << (change.before - 1)))
    broken("attempt {} of {} is due at once", change.attempt, name);
}

/// Failed, timed out or lost, it has no attempt left, or was stopped, or gave way to a later fire
/// (or one of an earlier time that came later, where its schedule was given another offset), or
/// waited for too long.
void Promises::check_that_it_is_over(const Change& change) const {
  using S = store::RunStatus;
  const auto from = *store::parse_run_status(change.a);
  const auto to = *store::parse_run_status(change.b);
  if (to != S::failed && to != S::timed_out && to != S::lost) return;
  if (change.attempt == change.most || from == S::stopping) return;
  if (from == S::queued && change.e.find("It waited") != std::string::npos) return;
  const bool gave_way = shared_.database.read([&](db::Session& db) {
    return db
        .one(
            "SELECT 1 FROM runs r JOIN runs o ON o.schedule_key = r.schedule_key"
            " AND (o.scheduled_at > r.scheduled_at OR"
            "   (o.scheduled_at <> r.scheduled_at AND o.queued_at > r.queued_at))"
            " WHERE r.id = :id LIMIT 1",
            [](const db::Row&) { return true; }, {{"id", change.subject}})
        .value_or(false);
  });
  if (!gave_way)
    broken("{} ended {} though it has {} attempts left",
           shared_.world.name_of(change.subject, "run"), change.b, change.most - change.attempt);
}

void Promises::run_added(const Change& change) {
  const std::string& name = shared_.world.name_of(change.subject, "run");
  last_change_ = shared_.world.now();
  if (change.b.empty()) {
    ++by_hand_;
    shared_.world.note("{} is queued by hand", name);
    return;
  }
  shared_.world.note("{} is queued for the fire of {} {}", name,
                     shared_.world.name_of(change.a, "schedule"),
                     to_rfc3339(from_milliseconds(std::stoll(change.b))));
  fire_of_[change.subject] = {change.a, change.b};
  if (!fired_.emplace(change.a, change.b).second) broken("{} is the second run of one fire", name);
}

void Promises::state_written(const Change& change) {
  const std::int64_t reached = number_in(change.a);
  const std::string& name = shared_.world.name_of(change.b, "run");
  shared_.world.note("{} wrote the state {}: {}", name, change.subject, reached);
  if (change.c != "1") broken("{} wrote the state {} without holding it", name, change.subject);
  auto& before = reached_[change.subject];
  if (reached < before)
    broken("the state {} went back from {} to {} by {}", change.subject, before, reached, name);
  before = reached;
}

void Promises::schedule_changed(const Change& change) {
  Planned& planned = planned_[change.subject];
  if (change.a.empty()) {
    planned.is_open = false;
    return;
  }
  Era era{.interval = change.b,
          .zone = change.c,
          .offset = std::chrono::minutes(std::stoi(change.d)),
          .after = from_milliseconds(std::stoll(change.e)),
          .from = Instant(),
          .until = change.due};
  if (!planned.is_open) {
    planned.eras.push_back(era);
    planned.is_open = true;
    return;
  }
  if (planned.eras.back().offset != era.offset) {
    // From the fire that was awaited on, whenever it is due now: none is lost, none comes twice.
    era.after = Instant();
    era.from = change.due;
    planned.eras.push_back(era);
    return;
  }
  planned.eras.back().until = std::max(planned.eras.back().until, era.until);
}

void Promises::check_start(const Process& process, const Server& home) const {
  const auto [run, may_overlap] = shared_.database.read([&](db::Session& db) {
    auto found = *store::find_run(db, process.run);
    const auto schedule = found.schedule ? store::find_schedule(db, *found.schedule) : std::nullopt;
    const bool overlaps = !schedule || schedule->overlap == store::Overlap::allow;
    return std::pair(std::move(found), overlaps);
  });
  if (store::is_final(run.status) || run.attempt != process.attempt)
    broken("{} is started after its end", process.name);
  const auto truth = shared_.truths.find(process.run);
  if (truth != shared_.truths.end() && truth->second.is_log_closed)
    broken("{} is started, but the log of its run is closed", process.name);
  if (run.worker != home.name())
    broken("{} is started though its run is {}", process.name,
           run.worker ? "that of " + *run.worker : "in the queue");
  const auto is_given_up = [&](const std::shared_ptr<Process>& other) {
    return std::any_of(given_up_.begin(), given_up_.end(),
                       [&](const GivenUp& one) { return one.process == other; });
  };
  for (const auto& server : servers_) {
    for (const auto& other : server->host().live()) {
      if (!other->is_running || is_given_up(other)) continue;
      if (other->run == process.run)
        broken("{} is started while {} lives", process.name, other->name);
      for (const std::string& state_id : process.state_ids) {
        const auto& theirs = other->state_ids;
        if (std::find(theirs.begin(), theirs.end(), state_id) != theirs.end())
          broken("{} is started on the state {} that {} has", process.name, state_id, other->name);
      }
      if (!may_overlap && !process.schedule.empty() && other->schedule == process.schedule)
        broken("{} is started beside {} of the same schedule", process.name, other->name);
    }
  }
}

int Promises::unfinished(Instant now) const {
  return shared_.database.read([&](db::Session& db) {
    return *db.one(
        "SELECT count(*) FROM runs WHERE ended_at IS NULL"
        " AND (status <> 'queued' OR due_at <= :now)",
        [](const db::Row& row) { return row.get<int>(0); }, {{"now", now + 15min}});
  });
}

void Promises::check_schedules() const {
  const auto due = shared_.database.read([&](db::Session& db) {
    return store::list_due_schedules(db, Instant(), shared_.world.now() - 20s, 10);
  });
  for (const auto& schedule : due) {
    broken("{} still waits for its fire of {}",
           shared_.world.name_of(schedule.key.text(), "schedule"), to_rfc3339(*schedule.due_at));
  }
}

}  // namespace cupola::simulation
