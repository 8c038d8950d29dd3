#include <fmt/format.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/api.h"
#include "cli/command.h"
#include "cli/moment.h"
#include "cli/show.h"
#include "cli/terminal.h"

namespace cupola::cli {
namespace {

struct AuditOptions {
  std::string actor;
  std::string action;
  std::string kind;
  std::string since;
  std::string until;
  std::size_t limit = 100;
  std::string format = "table";
};

std::string place_of(const json::object& entry) {
  const std::string project = text_at(entry, "project");
  const std::string deployment = text_at(entry, "deployment");
  return deployment.empty() ? project : project + "/" + deployment;
}

std::string json_at(const json::object& entry, std::string_view key) {
  const json::value* value = entry.if_contains(key);
  return value == nullptr || value->is_null() ? "" : json::serialize(*value);
}

Table table_of(const json::array& entries) {
  Table table({"when (UTC)", "who", "from", "action", "what", "in", "before", "after"});
  for (const auto& item : entries) {
    const auto& entry = item.get_object();
    table.add({time_at(entry, "at"), text_at(entry, "actor"), text_at(entry, "peer", "-"),
               text_at(entry, "action"), text_at(entry, "name"), place_of(entry),
               json_at(entry, "before"), json_at(entry, "after")});
  }
  return table;
}

Result<int> show_audit(const Context& context, const AuditOptions& options) {
  const Instant now = SystemClock{}.now();
  const auto since = parse_moment("--since", options.since, now);
  if (!since) return since.error();
  const auto until = parse_moment("--until", options.until, now);
  if (!until) return until.error();
  const auto api = Api::open(context);
  if (!api) return api.error();
  const Query query{{"actor", options.actor},
                    {"action", options.action},
                    {"kind", options.kind},
                    {"since", *since},
                    {"until", *until}};
  if (options.format == "csv") {
    return print_download(*api, api_path({"audit"}), query, "text/csv");
  }
  const auto answer = api->list(api_path({"audit"}), "audit", query, options.limit);
  if (!answer) return answer.error();
  print_list(options.format, *answer, table_of(array_at(*answer, "audit")),
             "Nothing was changed, as far as these filters tell.");
  if (options.format == "table" && !text_at(*answer, "next").empty()) {
    say(fmt::format("There are more than {}: give --limit, --since, or --format csv for all.",
                    options.limit));
  }
  return 0;
}

}  // namespace

void add_audit_command(CLI::App& root, Context& context) {
  auto* audit = root.add_subcommand("audit", "Who changed what, when, from where; newest first");
  auto options = std::make_shared<AuditOptions>();
  audit->add_option("--actor", options->actor, "Only what this one did: a login, admin …")
      ->type_name("NAME");
  audit->add_option("--action", options->action, "Only this action, such as project.create")
      ->type_name("ACTION");
  audit->add_option("--kind", options->kind, "Only changes of this kind of thing")
      ->type_name("KIND");
  audit->add_option("--since", options->since, "From this time on, or this long back: 2d")
      ->type_name("TIME");
  audit->add_option("--until", options->until, "Before this time")->type_name("TIME");
  audit->add_option("--limit", options->limit, "At most so many; csv has all")
      ->check(CLI::Range(1, 100000))
      ->type_name("N")
      ->capture_default_str();
  audit->add_option("--format", options->format, "How to print: table, json, markdown or csv")
      ->check(CLI::IsMember({"table", "json", "markdown", "csv"}))
      ->type_name("FORMAT")
      ->capture_default_str();
  set_work(audit, context, options, show_audit);
}

}  // namespace cupola::cli
