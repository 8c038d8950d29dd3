#include "simulation/server.h"

#include "simulation/life.h"

namespace cupola::simulation {
namespace {

constexpr std::chrono::milliseconds lease = 30s;
constexpr int most_runs = 3;

}  // namespace

Server::Server(Shared& shared, std::string name, bool shares_database)
    : shared_(shared),
      name_(std::move(name)),
      shares_database_(shares_database),
      host_(shared.world, shared.host_faults, shared.truths) {
  host_.last_sign = [this] { return last_sign(); };
  if (shares_database) host_.longest_silence = runner::longest_silence_for(lease);
  host_.about_to_run = [this](const Process& process) { shared_.about_to_run(process, *this); };
  host_.told = [this](const Process& process, bool has_ended) {
    const RunId& run = process.run;
    if (!life_ || !life_->is_watched(process)) return;
    if (shared_.may_fail && shared_.world.random.chance(shared_.server_faults.deaf)) return;
    (has_ended ? life_->events.ended : life_->events.started).push_back(run);
    if (!life_->in_loop) life_->plan_loop(shared_.world.random.between(0ms, 5ms));
  };
}

Server::~Server() {
  if (life_) life_->is_alive = false;
}

void Server::start() {
  if (is_up() || is_retired_) return;
  shared_.world.note("{} starts", name_);
  paused_until_ = shared_.world.now();
  life_ = std::make_shared<Life>(*this, runner::Options{.worker = name_,
                                                        .max_runs = most_runs,
                                                        .lease = lease,
                                                        .shared_database = shares_database_});
  life_->plan_loop(shared_.world.random.between(0ms, 50ms));
  life_->plan_scheduler(shared_.world.random.between(0ms, 50ms));
}

void Server::kill() {
  if (!is_up()) return;
  shared_.world.note("{} is killed", name_);
  last_sign_ = last_sign();
  life_->is_alive = false;
  life_.reset();
}

void Server::restart(std::chrono::milliseconds away) {
  kill();
  shared_.world.at(away, [this] { start(); });
}

void Server::retire() {
  shared_.world.note("{} is gone for good", name_);
  kill();
  is_retired_ = true;
}

void Server::pause(std::chrono::milliseconds span) {
  if (!is_up() || is_paused()) return;
  shared_.world.note("{} is paused for {}", name_, to_text(span));
  last_sign_ = shared_.world.now();
  paused_until_ = shared_.world.now() + span;
  if (span > 20s) be_sluggish(span + 2s);  // its threads come back one after the other
}

void Server::cut_off(std::chrono::milliseconds span) {
  shared_.world.note("{} is cut off from the database for {}", name_, to_text(span));
  cut_off_until_ = shared_.world.now() + span;
}

void Server::be_sluggish(std::chrono::milliseconds span) {
  sluggish_until_ = shared_.world.now() + span;
}

void Server::write_slowly(std::chrono::milliseconds span) {
  writes_slowly_until_ = shared_.world.now() + span;
}

void Server::only_read(std::chrono::milliseconds span) {
  shared_.world.note("{} can only read for {}", name_, to_text(span));
  only_reads_until_ = shared_.world.now() + span;
}

void Server::set_clock(std::chrono::milliseconds skew) {
  shared_.world.note("the clock of {} is {} ms wrong", name_, skew.count());
  skew_ = skew;
}

void Server::wake() {
  if (!is_up()) return;
  life_->wake();
  if (!life_->in_scheduler) life_->plan_scheduler(1ms);
}

void Server::resume() {
  paused_until_ = cut_off_until_ = only_reads_until_ = shared_.world.now();
}

void Server::as_user(std::function<void(db::Database&)> action) {
  if (!is_up()) return;
  life_->later(0ms, [life = life_.get(), action = std::move(action)] {
    try {
      action(life->database);
    } catch (const std::exception& failure) {
      life->world.note("{} tells a user: {}", life->server.name(), failure.what());
    }
  });
}

Instant Server::last_sign() const {
  return is_up() && !is_paused() ? shared_.world.now() : last_sign_;
}

std::string Server::fault(bool writes) const {
  const Instant now = shared_.world.now();
  if (now < cut_off_until_) return "The network is cut.";
  if (now < shared_.database_down_until) return "The database is down.";
  if (writes && now < shared_.disk_full_until) return "The database's disk is full.";
  if (writes && now < only_reads_until_) return "The database is read-only.";
  return "";
}

bool Server::can_see_its_runs() const {
  // Only one that has taken over what it finds can do without writes.
  return is_up() && !is_paused() && fault(!life_->is_adopted).empty();
}

}  // namespace cupola::simulation
