#include <fmt/format.h>

#include "base/text.h"
#include "cli/command.h"
#include "cli/show.h"
#include "cli/terminal.h"
#include "meltano/project.h"

namespace cupola::cli {
namespace {

struct InspectOptions {
  std::string folder = ".";
  std::string format = "table";
};

std::string what_runs(const meltano::Schedule& schedule) {
  if (!schedule.job.empty()) return schedule.job;
  return fmt::format("{} {} (transform {})", schedule.extractor, schedule.loader,
                     schedule.transform);
}

std::string pip_url_of(const meltano::Plugin& plugin) {
  if (plugin.pip_url) return *plugin.pip_url;
  return plugin.definition && plugin.definition->pip_url ? *plugin.definition->pip_url : "";
}

Table schedules_of(const meltano::Project& project) {
  Table table({"schedule", "interval", "runs"});
  for (const auto& schedule : project.schedules) {
    table.add({schedule.name, schedule.interval, what_runs(schedule)});
  }
  return table;
}

Table jobs_of(const meltano::Project& project) {
  Table table({"job", "tasks"});
  for (const auto& job : project.jobs) table.add({job.name, join(job.tasks, ", ")});
  return table;
}

Table plugins_of(const meltano::Project& project) {
  Table table({"plugin", "type", "inherits from", "requirement"});
  for (const auto& plugin : project.plugins) {
    table.add({plugin.name, plugin.type, plugin.inherit_from, pip_url_of(plugin)});
  }
  return table;
}

Table faults_of(const meltano::Inspection& inspection) {
  Table table({"place", "severity", "fault", "what to do"});
  for (const auto& fault : inspection.faults) {
    std::string place = fault.place.file;
    if (fault.place.line > 0) place += fmt::format(":{}:{}", fault.place.line, fault.place.column);
    table.add({std::move(place),
               fault.rejects ? Cell{"rejects", Colour::red} : Cell{"warning", Colour::yellow},
               fault.message, fault.hint});
  }
  return table;
}

void print_part(std::string_view format, std::string_view title, const Table& table) {
  if (table.empty()) return;
  if (format == "markdown") {
    print(fmt::format("\n## {}\n\n{}", title, table.markdown()));
  } else {
    print(fmt::format("\n{}", table.text(has_colours(stdout))));
  }
}

/// Faults as a compiler prints them, which editors understand.
void print_faults(const meltano::Inspection& inspection) {
  const bool colours = has_colours(stdout);
  print("\n");
  for (const auto& fault : inspection.faults) {
    std::string place = fault.place.file;
    if (fault.place.line > 0) place += fmt::format(":{}:{}", fault.place.line, fault.place.column);
    print(fmt::format("{}: {}: {} {}\n", painted(printable(place), Colour::bold, colours),
                      fault.rejects ? painted("error", Colour::red, colours)
                                    : painted("warning", Colour::yellow, colours),
                      printable(fault.message), printable(fault.hint)));
  }
}

void print_for_people(const std::string& format, const meltano::Inspection& inspection) {
  std::vector<std::string> environments;
  for (const auto& environment : inspection.project.environments)
    environments.push_back(environment.name);
  print(fmt::format("{} {}\n",
                    inspection.ok ? "A project that Meltano accepts; environments:"
                                  : "Meltano refuses this project; environments:",
                    environments.empty() ? "none" : printable(join(environments, ", "))));
  print_part(format, "Schedules", schedules_of(inspection.project));
  print_part(format, "Jobs", jobs_of(inspection.project));
  print_part(format, "Plugins", plugins_of(inspection.project));
  if (format == "markdown") {
    print_part(format, "Faults", faults_of(inspection));
  } else if (!inspection.faults.empty()) {
    print_faults(inspection);
  }
}

Result<int> inspect(const Context&, const InspectOptions& options) {
  const auto inspection = meltano::inspect(options.folder, ".");
  if (options.format == "json") {
    print(pretty(meltano::to_json(inspection)));
  } else {
    print_for_people(options.format, inspection);
  }
  return inspection.ok ? 0 : 1;
}

}  // namespace

void add_inspect_command(CLI::App& root, Context& context) {
  auto* command =
      root.add_subcommand("inspect", "What a project's folder says, and every fault in it");
  auto options = std::make_shared<InspectOptions>();
  command->add_option("folder", options->folder, "The folder of meltano.yml")
      ->type_name("DIR")
      ->capture_default_str();
  add_format(command, options->format);
  command->footer("Needs no server. Exit code 1 where Meltano would refuse the project.");
  set_work(command, context, options, inspect);
}

}  // namespace cupola::cli
