#include <algorithm>
#include <array>
#include <functional>
#include <thread>

#include <fmt/format.h>

#include "base/steering.h"
#include "base/text.h"
#include "cli/api.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/log_view.h"
#include "cli/show.h"
#include "cli/terminal.h"

namespace cupola::cli {
namespace {

struct RunOptions {
  std::vector<std::string> words;
  std::string project;
  std::string deployment;
  bool follow = false;
  bool full_refresh = false;
  std::string state_id_suffix;
  std::vector<std::string> env;
  std::string format = "table";
};
struct LogOptions {
  std::string run;
  bool follow = false;
  bool raw = false;
  std::string format = "table";
};
struct StopOptions {
  std::string run;
  bool wait = false;
  std::string format = "table";
};

bool is_final(const std::string& status) {
  constexpr std::array<std::string_view, 6> finals{"succeeded", "failed", "cancelled",
                                                   "timed_out", "lost",   "skipped"};
  return std::find(finals.begin(), finals.end(), status) != finals.end();
}

Result<json::object> parse_env(const std::vector<std::string>& pairs) {
  json::object env;
  for (const auto& pair : pairs) {
    const auto equals = pair.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Error{Error::Kind::invalid,
                   fmt::format("--env {} has no name and value", cupola::quoted(pair)),
                   "Write it as --env NAME=VALUE."};
    }
    env[json_text(pair.substr(0, equals))] = json_text(pair.substr(equals + 1));
  }
  return env;
}

/// Shows the log as it grows, from its first line; gives the run as it ended.
Result<json::object> follow_log(const Api& api, const std::string& id, LogView& view,
                                const std::function<void(std::string_view)>& show) {
  const InterruptNote note(fmt::format(
      "\nThe run goes on. See it: cupola logs {0} --follow; stop it: cupola stop {0}\n", id));
  json::object ended;
  const auto on_event = [&](const net::Event& event) {
    auto parsed = parse_json(event.data);
    if (!parsed || !parsed->is_object()) return true;
    if (event.name == "end") {
      ended = std::move(parsed->get_object());
      return false;
    }
    if (event.name == "line") show(view.line(parsed->get_object()));
    return true;
  };
  const auto done = api.follow(api_path({"runs", id, "log"}), {{"from", "0"}}, on_event);
  if (!done) {
    Error error = done.error();
    error.hint += fmt::format(" The run goes on: cupola logs {} --follow", id);
    return error;
  }
  return ended;
}

int exit_code_of(const json::object& run) {
  return text_at(run, "status") == "succeeded" ? 0 : 1;
}

Table table_of(const json::object& run) {
  Table table({"run", "status", "project", "deployment", "what", "queued (UTC)"});
  table.add({text_at(run, "id"), run_status_cell(run), text_at(run, "project"),
             text_at(run, "deployment"), what_of(run), time_at(run, "queued_at")});
  return table;
}

Result<int> start_run(const Context& context, const RunOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  auto env = parse_env(options.env);
  if (!env) return env.error();
  json::array words;
  for (const auto& word : options.words) words.push_back(json_text(word));
  json::object body{{"words", std::move(words)}};
  if (options.full_refresh) body["full_refresh"] = true;
  if (!options.state_id_suffix.empty())
    body["state_id_suffix"] = json_text(options.state_id_suffix);
  if (!env->empty()) body["env"] = std::move(*env);

  auto run = api->post(
      api_path({"projects", options.project, "deployments", options.deployment, "runs"}), body);
  if (!run) return run.error();
  const std::string id = text_at(*run, "id");
  const bool for_people = options.format == "table";
  if (!options.follow) {
    print_list(options.format, *run, table_of(*run), "");
    if (for_people)
      say(fmt::format("Watch it: cupola logs {0} --follow; stop it: cupola stop {0}", id));
    return 0;
  }

  say(fmt::format("Run {} is {}.", id, text_at(*run, "status")));
  LogView view(has_colours(for_people ? stdout : stderr));
  const auto show = [&](std::string_view line) {
    if (for_people) return print(line);
    if (line.ends_with('\n')) line.remove_suffix(1);
    say(line);
  };
  const auto ended = follow_log(*api, id, view, show);
  if (!ended) return ended.error();
  if (for_people) {
    print(view.summary(*ended));
  } else {
    print_list(options.format, *ended, table_of(*ended), "");
  }
  return exit_code_of(*ended);
}

/// Prints all lines there are, page by page, each as `shown` gives it.
Result<void> print_lines(const Api& api, const std::string& run,
                         const std::function<std::string(const json::object&)>& shown) {
  std::int64_t from = 0;
  while (true) {
    const auto page = api.get(api_path({"runs", run, "log"}),
                              {{"from", fmt::format("{}", from)}, {"limit", "1000"}});
    if (!page) return page.error();
    std::string text;
    for (const auto& line : array_at(*page, "lines")) {
      if (line.is_object()) text += shown(line.get_object());
    }
    print(text);
    const auto next = number_at(*page, "next", -1);
    if (next <= from) return {};
    from = next;
  }
}

Result<int> show_log(const Context& context, const LogOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  if (options.raw) return print_download(*api, api_path({"runs", options.run, "log"}));
  LogView view(has_colours(stdout));
  if (options.follow) {
    const auto ended = follow_log(*api, options.run, view, print);
    if (!ended) return ended.error();
    print(view.summary(*ended));
    return exit_code_of(*ended);
  }
  const bool as_json = options.format == "json";
  const auto done = print_lines(*api, options.run, [&](const json::object& line) {
    return as_json ? harmless_json(json::serialize(line)) + "\n" : view.line(line);
  });
  if (!done) return done.error();
  return 0;
}

Result<int> stop_run(const Context& context, const StopOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  auto run = api->post(api_path({"runs", options.run, "stop"}));
  if (!run) return run.error();
  while (options.wait && !is_final(text_at(*run, "status"))) {
    std::this_thread::sleep_for(std::chrono::milliseconds{250});
    run = api->get(api_path({"runs", options.run}));
    if (!run) return run.error();
  }
  if (options.format != "table") {
    print_list(options.format, *run, table_of(*run), "");
  } else {
    print(fmt::format("Run {} is {}.\n", text_at(*run, "id"), text_at(*run, "status")));
  }
  return 0;
}

}  // namespace

void add_run_commands(CLI::App& root, Context& context) {
  auto* run = root.add_subcommand("run", "Run a schedule, a job or tasks now");
  auto options = std::make_shared<RunOptions>();
  run->add_option("what", options->words, "A schedule, else a job, else the words of tasks")
      ->required()
      ->type_name("NAME_OR_TASKS");
  add_project(run, options->project);
  add_deployment(run, options->deployment);
  run->add_flag("--follow,-f", options->follow,
                "Show the log; exit code 0 only if the run succeeded");
  run->add_flag("--full-refresh", options->full_refresh, "Read all data again, without the state");
  run->add_option("--state-id-suffix", options->state_id_suffix,
                  "Keep state apart under this suffix")
      ->type_name("SUFFIX");
  run->add_option("--env", options->env, "Set a variable for this run; may be repeated")
      ->allow_extra_args(false)
      ->type_name("NAME=VALUE");
  add_format(run, options->format);
  set_work(run, context, options, start_run);

  auto* logs = root.add_subcommand("logs", "The log of a run");
  auto log_options = std::make_shared<LogOptions>();
  logs->add_option("run", log_options->run, "Id of the run, from `cupola history`")
      ->required()
      ->type_name("RUN");
  auto* follow = logs->add_flag("--follow,-f", log_options->follow,
                                "Until the run ends; exit code 0 only if it succeeded");
  auto* raw = logs->add_flag("--raw", log_options->raw, "The bytes as the run wrote them");
  raw->excludes(follow);
  logs->add_option("--format", log_options->format,
                   "table for a person, json for one object a line")
      ->check(CLI::IsMember({"table", "json"}))
      ->type_name("FORMAT")
      ->capture_default_str();
  set_work(logs, context, log_options, show_log);

  auto* stop = root.add_subcommand("stop", "Stop a run: politely first, then for good");
  auto stop_options = std::make_shared<StopOptions>();
  stop->add_option("run", stop_options->run, "Id of the run")->required()->type_name("RUN");
  stop->add_flag("--wait,-w", stop_options->wait, "Until it has ended");
  add_format(stop, stop_options->format);
  set_work(stop, context, stop_options, stop_run);
}

}  // namespace cupola::cli
