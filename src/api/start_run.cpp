#include <fmt/format.h>

#include "api/audit.h"
#include "api/credit_json.h"
#include "api/handlers.h"
#include "api/input.h"
#include "api/lookup.h"
#include "api/run_request.h"
#include "api/to_json.h"
#include "base/crash_point.h"
#include "base/text.h"
#include "store/runs.h"

namespace cupola::api {
namespace {

constexpr std::size_t longest_name = 255;
constexpr std::size_t longest_word = 500;
constexpr std::size_t most_words = 200;
constexpr std::size_t longest_suffix = 200;
constexpr std::size_t most_variables = 100;
constexpr std::size_t longest_variable = 64u << 10;

/// What was asked for, read from the body.
struct Wish {
  std::string name;
  std::string schedule;
  std::vector<std::string> tasks;
  std::vector<std::string> words;
  store::RunOptions options;
};

Result<Wish> wish_of(const Call& call) {
  Body body(call, {"name", "schedule", "tasks", "words", "full_refresh", "state_id_suffix", "env"});
  Wish wish;
  const int ways = body.has("name") + body.has("schedule") + body.has("tasks") + body.has("words");
  if (ways != 1) {
    body.refuse("The body must say what to run in one way.",
                "Give \"name\" (a schedule or a job), \"schedule\", \"tasks\" or \"words\".");
  }
  if (body.has("name")) wish.name = body.text("name", longest_name);
  if (body.has("schedule")) wish.schedule = body.text("schedule", longest_name);
  if (body.has("tasks")) wish.tasks = body.texts("tasks", most_words, longest_word);
  if (body.has("words")) wish.words = body.texts("words", most_words, longest_word);
  wish.options.full_refresh = body.flag("full_refresh");
  wish.options.state_id_suffix = body.optional_text("state_id_suffix", longest_suffix);
  wish.options.env = body.text_map("env", most_variables, longest_variable);
  if (wish.options.state_id_suffix.find_first_of(":/\\ ") != std::string::npos ||
      has_control(wish.options.state_id_suffix)) {
    body.refuse("The state_id_suffix must not hold white space, ':', '/' or '\\'.");
  }
  if (body.fault()) return *body.fault();
  const Result<void> checked = check_variables(wish.options.env);
  if (!checked) return checked.error();
  return wish;
}

Error no_live_release(const store::Deployment& deployment, db::Session& db) {
  Error error{
      Error::Kind::conflict,
      fmt::format("The deployment '{}' has no live release yet.", deployment.name),
      "Wait until its first release is live: `cupola deployment logs` shows how far it is."};
  for (const store::Release& release : store::list_releases(db, deployment.key, 1)) {
    if (release.status != store::ReleaseStatus::failed) continue;
    error.message = fmt::format("The deployment '{}' has no live release: release {} failed. {}",
                                deployment.name, release.number, release.error.value_or(""));
    error.hint = "Mend what it names, then `cupola deployment update`.";
  }
  return error;
}

Result<Meaning> meaning_of(const Wish& wish, const store::ReleaseContent& content) {
  if (!wish.name.empty()) return meaning_of_name(content, wish.name);
  if (!wish.words.empty()) return meaning_of_words(content, wish.words);
  if (!wish.tasks.empty()) return meaning_of_tasks(content, wish.tasks);
  for (const store::ContentSchedule& schedule : content.schedules) {
    if (schedule.settings.name == wish.schedule) return Meaning{.schedule = &schedule};
  }
  return Error{Error::Kind::not_found,
               "The live release has no schedule " + cupola::quoted(wish.schedule) + ".",
               "`cupola schedule list` shows those there are."};
}

/// The state ids that the run takes: the release knows those of schedules and jobs; for other
/// words, and under a suffix given by hand, they are worked out from the release's project.
Result<std::vector<std::string>> state_ids_of(const Call& call, const store::Release& release,
                                              const Meaning& meaning, const std::string& suffix) {
  std::vector<std::string> words = meaning.tasks;
  if (meaning.schedule != nullptr) {
    if (suffix.empty()) return meaning.schedule->settings.state_ids;
    const std::vector<std::string>& command = meaning.schedule->command;
    if (command.empty() || command.front() != "run") {
      return Error{Error::Kind::invalid,
                   fmt::format("The schedule '{}' is of the extractor and loader form, for which "
                               "Meltano knows no state id suffix.",
                               meaning.schedule->settings.name),
                   "Run its extractor and loader as tasks."};
    }
    words.assign(command.begin() + 1, command.end());
  } else if (suffix.empty() && meaning.state_ids) {
    return *meaning.state_ids;
  }
  return call.context.hooks.state_ids_of(release, words, suffix);
}

/// What the audit log tells of it: names of variables, not their values.
Change change_of(const Place& place, const store::NewRun& run) {
  json::array variables;
  for (const auto& variable : run.options.env) variables.emplace_back(variable.first);
  const std::string tasks = join(run.tasks, " ");
  return {.action = "run.start",
          .name = run.schedule_name.value_or(tasks),
          .id = run.id.text(),
          .project = place.project.name,
          .deployment = place.deployment.name,
          .after = json::object{{"tasks", tasks},
                                {"full_refresh", run.options.full_refresh},
                                {"state_id_suffix", run.options.state_id_suffix},
                                {"env", std::move(variables)}}};
}

struct Start {
  Place place;
  store::Release release;
};

Result<Start> start_of(const Call& call) {
  return call.context.database.read([&](db::Session& db) -> Result<Start> {
    const Result<Place> place = place_of(call, db);
    if (!place) return place.error();
    if (!place->deployment.release) return no_live_release(place->deployment, db);
    const auto release = store::find_release(db, *place->deployment.release);
    if (!release || !release->content) return no_live_release(place->deployment, db);
    return Start{*place, *release};
  });
}

}  // namespace

/// POST …/runs queues a run of the live release: 201 with the run.
Result<http::Reply> start_run(const Call& call) {
  const Result<Wish> wish = wish_of(call);
  if (!wish) return wish.error();
  const Result<Start> start = start_of(call);
  if (!start) return start.error();
  const store::ReleaseContent content = store::parse_release_content(*start->release.content);
  const Result<Meaning> meaning = meaning_of(*wish, content);
  if (!meaning) return meaning.error();
  const Result<std::vector<std::string>> state_ids =
      state_ids_of(call, start->release, *meaning, wish->options.state_id_suffix);
  if (!state_ids) return state_ids.error();

  store::NewRun run{.id = new_id<RunId>(),
                    .organization = call.organization(),
                    .project = start->place.project.key,
                    .deployment = start->place.deployment.key,
                    .tasks = meaning->tasks,
                    .trigger = store::Trigger::manual,
                    .due_at = call.now,
                    .options = wish->options,
                    .state_ids = *state_ids};
  if (meaning->schedule != nullptr) run.schedule_name = meaning->schedule->settings.name;

  Result<http::Reply> reply = write_once(call, [&](db::Session& db) -> Result<http::Reply> {
    // Held: it is not deleted before the run is there to be cancelled.
    const Result<Place> place = held_place_of(call, db);
    if (!place) return place.error();
    if (const auto refused = out_of_credits(call, db)) return *refused;
    store::NewRun added = run;
    added.deployment = place->deployment.key;
    if (run.schedule_name) {
      const auto schedule =
          store::find_schedule(db, call.organization(), place->deployment.key, *run.schedule_name);
      if (schedule) {
        added.schedule = schedule->key;
        added.run_timeout = schedule->run_timeout;
      }
    }
    store::add_run(db, added, call.now);
    audit(call, db, change_of(*place, added));
    crash_point("run.asked");
    const auto listed = store::find_listed_run(db, call.organization(), added.id);
    if (!listed) throw Failure("A run that was just queued is not there.");
    return http::Reply{.status = 201, .body = to_json_text(*listed)};
  });
  if (reply) {
    crash_point("run.queued");
    call.context.hooks.wake_runner();
  }
  return reply;
}

}  // namespace cupola::api
