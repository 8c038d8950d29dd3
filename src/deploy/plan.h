#pragma once

/// What a release changes against the one before it.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "deploy/content.h"
#include "deploy/lock.h"
#include "store/schedules.h"

namespace cupola::deploy {

struct ScheduleChange {
  enum class Kind {
    appears,   ///< new; it starts switched off
    vanishes,  ///< its switch and offset are kept for when it comes back
    changes,   ///< interval, settings, or what it runs
    returns    ///< it was there once: with the switch and offset of then
  };
  std::string name;
  Kind kind = Kind::appears;
  bool enabled = false;  ///< whether it fires once the release is live
  std::string from, to;  ///< of `changes`
};

/// A setting of a schedule that the API set: it holds whatever meltano.yml gives.
struct Override {
  std::string schedule;
  std::string setting;
  json::value value;
  json::value given;  ///< by the release's meltano.yml; null where it says nothing
  /// Why it would be refused if it were set now, for the release's interval; it holds all the same.
  std::optional<Error> misfit;
};

struct PluginChange {
  enum class Kind {
    build,  ///< not here yet
    reuse,  ///< here already
    change  ///< resolved to something else than before
  };
  std::string name;
  std::string type;
  Kind kind = Kind::build;
  std::string from, to;  ///< of `change`: the packages that differ
};

struct Plan {
  std::string commit;
  bool unchanged = false;                 ///< an update would leave the live release as it is
  std::vector<std::string> build;         ///< tasks that are run once for the release
  std::vector<ScheduleChange> schedules;  ///< those that stay as they are are not named
  std::vector<Override> overrides;
  std::vector<PluginChange> plugins;
  std::vector<Finding> faults;  ///< those that are not fatal are warnings
  std::string own_state;        ///< as in the release's content
};

/// `known` are all schedules that the deployment ever had, `before` the live release's content.
std::vector<ScheduleChange> compare_schedules(const std::vector<store::Schedule>& known,
                                              const store::ReleaseContent* before,
                                              const store::ReleaseContent& after);

/// What was set through the API of schedules that the release has.
std::vector<Override> find_overrides(const std::vector<store::Schedule>& known,
                                     const store::ReleaseContent& after);

/// How one environment stands against the lock before; `is_there` tells whether it is built.
PluginChange compare_plugin(const std::string& name, const Lock& before, const LockEntry* after,
                            bool is_there);

json::object to_json(const Plan& plan);
/// The lines of the plan for a person.
std::vector<std::string> to_lines(const Plan& plan);

}  // namespace cupola::deploy
