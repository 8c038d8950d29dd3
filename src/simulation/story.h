#pragma once

/// What befalls the servers of a seed: users, deploys, faults.

#include <memory>
#include <string>
#include <vector>

#include "simulation/server.h"
#include "store/deployments.h"
#include "store/organizations.h"
#include "store/projects.h"
#include "store/schedules.h"

namespace cupola::simulation {

class Story {
 public:
  Story(Shared& shared, std::vector<std::unique_ptr<Server>>& servers);

  /// Makes the tenant, its deployments and servers, and plans the first event.
  void begin();
  /// From now on nothing fails and all servers are there.
  void heal();
  /// From now on no schedule fires.
  void switch_off();

 private:
  struct Deployment {
    store::Deployment row;
    std::vector<store::ReleasedSchedule> schedules;
  };
  using Action = void (Story::*)();

  void choose_faults();
  void be_slow();
  store::ReleasedSchedule new_schedule(int number);
  void vary(store::ReleasedSchedule& schedule);
  void deploy_now(db::Session& db, const Deployment& deployment, Instant now);
  void as_user(std::function<void(db::Database&, const Server&)> action);
  void go_on();

  void switch_schedule();
  void deploy();
  void deploy_to(std::size_t which);
  void deploy_twice();
  void change_settings();
  void run_by_hand();
  void stop_run();
  void kill();
  void pause();
  void cut_off();
  void cut_off_and_restart();
  void cut_off_until_the_last_look();
  void only_read();
  void retire();
  void database_down();
  void disk_full();
  void set_clock();
  void lose_power();
  void long_outage();

  Shared& shared_;
  World& world_;
  Random& random_;
  Random apart_;  ///< for what was added later, so that the other choices of a seed stay the same
  bool with_retries_ = false;
  bool with_settings_ = false;
  std::vector<std::unique_ptr<Server>>& servers_;
  store::Organization organization_;
  store::Project project_;
  std::vector<Deployment> deployments_;
  std::vector<Action> actions_;
  std::chrono::milliseconds longest_quiet_{40s};  ///< between two actions
};

}  // namespace cupola::simulation
