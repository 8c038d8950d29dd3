#include "cli/heartbeat.h"

#include <fmt/format.h>

#include "base/text.h"
#include "cli/api.h"
#include "cli/show.h"
#include "cli/terminal.h"

namespace cupola::cli {
namespace {

struct HeartbeatOptions {
  std::string url;
  std::string format = "table";
};

Result<int> show_heartbeat(const Context& context, const HeartbeatOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  const auto answer = api->get(api_path({"heartbeat"}));
  if (!answer) return answer.error();
  Table table({"url"});
  const std::string url = text_at(*answer, "url");
  if (!url.empty()) table.add({url});
  print_list(options.format, *answer, table,
             "Nothing is pinged. Choose what: cupola notification heartbeat set URL");
  return 0;
}

Result<int> set_heartbeat(const Context& context, const HeartbeatOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  const auto answer = api->put(api_path({"heartbeat"}),
                               json::serialize(json::object{{"url", json_text(options.url)}}));
  if (!answer) return answer.error();
  print(fmt::format("{} is pinged once a minute while the scheduler lives.\n",
                    printable(text_at(*answer, "url"))));
  return 0;
}

Result<int> clear_heartbeat(const Context& context, const HeartbeatOptions&) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  const auto done = api->remove(api_path({"heartbeat"}));
  if (!done) return done.error();
  print("Nothing is pinged any more.\n");
  return 0;
}

}  // namespace

void add_heartbeat_commands(CLI::App& notification, Context& context) {
  auto* heartbeat = notification.add_subcommand(
      "heartbeat", "A URL that is pinged while the scheduler lives, so that its end is noticed");
  heartbeat->require_subcommand(1);

  auto* show = heartbeat->add_subcommand("show", "What is pinged");
  auto show_options = std::make_shared<HeartbeatOptions>();
  add_format(show, show_options->format);
  set_work(show, context, show_options, show_heartbeat);

  auto* set = heartbeat->add_subcommand("set", "Ping this URL once a minute");
  auto set_options = std::make_shared<HeartbeatOptions>();
  set->add_option("url", set_options->url, "Of http or https")->required()->type_name("URL");
  set_work(set, context, set_options, set_heartbeat);

  auto* clear = heartbeat->add_subcommand("clear", "Ping nothing");
  set_work(clear, context, std::make_shared<HeartbeatOptions>(), clear_heartbeat);
}

}  // namespace cupola::cli
