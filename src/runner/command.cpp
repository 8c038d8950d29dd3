#include "runner/command.h"

#include <charconv>

#include <fmt/format.h>

#include "base/text.h"

namespace cupola::runner {
namespace {

/// `--log-format` came with 3.7.
bool knows_log_format(std::string_view version) {
  const auto parts = split(version, '.');
  const auto number = [&](std::size_t i) {
    int value = 0;
    if (i < parts.size())
      std::from_chars(parts[i].data(), parts[i].data() + parts[i].size(), value);
    return value;
  };
  return number(0) > 3 || (number(0) == 3 && number(1) >= 7);
}

}  // namespace

Result<Work> work_of(const store::Run& run, const store::ReleaseContent& content) {
  Work work;
  if (run.schedule_name && run.tasks.empty()) {
    const store::ContentSchedule* schedule = find_schedule(content, *run.schedule_name);
    if (schedule == nullptr) {
      return Error{Error::Kind::not_found,
                   fmt::format("The live release (commit {}) has no schedule '{}' any more.",
                               content.commit.substr(0, 12), *run.schedule_name),
                   "switch the schedule off, or bring it back to meltano.yml"};
    }
    work = {.words = schedule->command,
            .env = schedule->env,
            .state_ids = schedule->settings.state_ids};
    const std::string& suffix = run.options.state_id_suffix;
    if (run.trigger == store::Trigger::backfill) {
      work.state_ids = store::state_ids_under(content, *schedule, suffix);
    } else if (!suffix.empty()) {
      // A suffix by hand changes the ids; they were worked out when the run was asked for.
      work.state_ids = run.state_ids;
    }
  } else {
    work.words = {"run"};
    work.words.insert(work.words.end(), run.tasks.begin(), run.tasks.end());
    work.state_ids = run.state_ids;
  }
  return work;
}

std::vector<std::string> meltano_command(const store::Run& run,
                                         const store::ReleaseContent& content, const Work& work,
                                         const Layout& layout) {
  std::vector<std::string> argv = {
      fmt::format("{}/{}/bin/meltano", layout.environments, content.meltano_environment)};
  // A logging.yaml of the project beats format variables and flags; only this flag beats it.
  if (knows_log_format(content.meltano_version)) argv.emplace_back("--log-format=json");
  argv.insert(argv.end(),
              {"--log-config=" + layout.log_config, "--environment", content.environment,
               work.words.front(), "--no-install", "--run-id", run.id.text()});
  if (work.words.front() == "run" && !run.options.state_id_suffix.empty()) {
    argv.insert(argv.end(), {"--state-id-suffix", run.options.state_id_suffix});
  }
  if (run.options.full_refresh) argv.emplace_back("--full-refresh");
  argv.insert(argv.end(), work.words.begin() + 1, work.words.end());
  return argv;
}

std::map<std::string, std::string> run_environment(const store::Run& run,
                                                   const store::ReleaseContent& content,
                                                   const Work& work, const Layout& layout) {
  std::map<std::string, std::string> env = {
      {"PATH", fmt::format("{}/{}/bin:/usr/local/bin:/usr/bin:/bin", layout.environments,
                           content.meltano_environment)},
      {"LANG", "C.UTF-8"},
      {"LC_ALL", "C.UTF-8"},
      {"USER", "run"},
      {"LOGNAME", "run"},
      {"PYTHONUNBUFFERED", "1"},
      {"NO_COLOR", "1"},
      {"MELTANO_SEND_ANONYMOUS_USAGE_STATS", "false"},
      {"DBT_SEND_ANONYMOUS_USAGE_STATS", "false"},
  };
  for (const auto& [name, value] : work.env) env[name] = value;
  for (const auto& [name, value] : run.options.env) env[name] = value;

  // A system database of the project's own would mix runs; each run has a fresh one.
  env.erase("MELTANO_DATABASE_URI");
  env["HOME"] = layout.scratch;
  env["XDG_STATE_HOME"] = layout.scratch + "/state";
  env["XDG_CACHE_HOME"] = layout.scratch + "/cache";
  env["XDG_CONFIG_HOME"] = layout.scratch + "/config";
  env["MELTANO_ENVIRONMENT"] = content.environment;
  env["MELTANO_PROJECT_READONLY"] = "1";
  if (content.own_state.empty()) {
    env["MELTANO_STATE_BACKEND_URI"] = "file://" + layout.state;
  } else {
    env.erase("MELTANO_STATE_BACKEND_URI");
  }
  env["CUPOLA_RUN_ID"] = run.id.text();
  env["CUPOLA_ATTEMPT"] = fmt::format("{}", run.attempt);
  env["CUPOLA_DEPLOYMENT_ENVIRONMENT"] = content.environment;
  env["CUPOLA_COMMIT"] = content.commit;
  if (run.schedule_name) env["CUPOLA_SCHEDULE"] = *run.schedule_name;
  if (run.scheduled_at) env["CUPOLA_SCHEDULED_AT"] = to_rfc3339(*run.scheduled_at);
  return env;
}

}  // namespace cupola::runner
