#include <chrono>
#include <thread>

#include <fmt/format.h>

#include "base/text.h"
#include "cli/api.h"
#include "cli/command.h"
#include "cli/notification.h"
#include "cli/show.h"
#include "cli/terminal.h"

namespace cupola::cli {
namespace {

constexpr std::chrono::seconds patience{90};
constexpr std::chrono::milliseconds between_looks{300};

struct TestOptions {
  std::string word;
  std::string format = "table";
};
struct DeliveriesOptions {
  std::string word;
  std::size_t limit = 20;
  std::string format = "table";
};
struct ReplayOptions {
  std::string word;
  std::string delivery;
  std::string format = "table";
};

std::string last_answer(const json::object& delivery) {
  const auto& attempts = array_at(delivery, "attempts");
  if (attempts.empty()) return "-";
  const auto& last = attempts.back().get_object();
  const std::string error = text_at(last, "error");
  return error.empty() ? fmt::format("{}", number_at(last, "status_code")) : error;
}

Table table_of(const json::array& deliveries) {
  Table table({"delivery", "told", "status", "run", "at (UTC)", "tries", "next (UTC)", "answer"});
  for (const auto& item : deliveries) {
    const auto& delivery = item.get_object();
    const std::string event = text_at(delivery, "event_type");
    table.add(
        {text_at(delivery, "id"),
         event == "job_run" ? text_at(delivery, "told") : event + " " + text_at(delivery, "told"),
         status_cell(text_at(delivery, "status")), text_at(delivery, "run", "-"),
         time_at(delivery, "created_at"), shown_number(number_at(delivery, "attempt_count")),
         time_at(delivery, "next_at"), last_answer(delivery)});
  }
  return table;
}

/// Waits until one more attempt than `before` was made, and tells how it went.
Result<int> watch(const Api& api, const std::string& path, std::int64_t before,
                  std::string_view format) {
  const auto until = std::chrono::steady_clock::now() + patience;
  while (true) {
    const auto delivery = api.get(path);
    if (!delivery) return delivery.error();
    if (number_at(*delivery, "attempt_count") > before) {
      if (format == "json") {
        print(pretty(*delivery));
      } else {
        print_list(format, *delivery, table_of({*delivery}), "");
      }
      return text_at(*delivery, "status") == "delivered" ? 0 : 1;
    }
    if (std::chrono::steady_clock::now() > until) {
      return Error{Error::Kind::unavailable, "No attempt was made yet",
                   "Does a server run with the component notifier? `cupola notification "
                   "deliveries` tells more."};
    }
    std::this_thread::sleep_for(between_looks);
  }
}

Result<int> test_notification(const Context& context, const TestOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  const auto found = find_notification(*api, options.word);
  if (!found) return found.error();
  const std::string id = text_at(*found, "id");
  const auto made = api->post(api_path({"notifications", id, "test"}));
  if (!made) return made.error();
  return watch(*api, api_path({"notifications", id, "deliveries", text_at(*made, "id")}), 0,
               options.format);
}

Result<int> list_deliveries(const Context& context, const DeliveriesOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  const auto found = find_notification(*api, options.word);
  if (!found) return found.error();
  const auto answer = api->list(api_path({"notifications", text_at(*found, "id"), "deliveries"}),
                                "deliveries", {}, options.limit);
  if (!answer) return answer.error();
  print_list(options.format, *answer, table_of(array_at(*answer, "deliveries")),
             "Nothing was told so far.");
  return 0;
}

Result<int> replay_delivery(const Context& context, const ReplayOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  const auto found = find_notification(*api, options.word);
  if (!found) return found.error();
  const std::string path =
      api_path({"notifications", text_at(*found, "id"), "deliveries", options.delivery});
  const auto replayed = api->post(path + "/replay");
  if (!replayed) return replayed.error();
  return watch(*api, path, number_at(*replayed, "attempt_count"), options.format);
}

void add_word(CLI::App* command, std::string& word) {
  command->add_option("notification", word, "Its id, or its recipient")
      ->required()
      ->type_name("NOTIFICATION");
}

}  // namespace

void add_delivery_commands(CLI::App* notification, Context& context) {
  auto* test = notification->add_subcommand(
      "test", "Send a test message, and tell how it went; exit code 1 if it was not taken");
  auto test_options = std::make_shared<TestOptions>();
  add_word(test, test_options->word);
  add_format(test, test_options->format);
  set_work(test, context, test_options, test_notification);

  auto* list = notification->add_subcommand(
      "deliveries", "What a recipient was told, newest first, and what it answered");
  auto list_options = std::make_shared<DeliveriesOptions>();
  add_word(list, list_options->word);
  list->add_option("--limit", list_options->limit, "How many at most")
      ->check(CLI::Range(1, 10000))
      ->type_name("N")
      ->capture_default_str();
  add_format(list, list_options->format);
  set_work(list, context, list_options, list_deliveries);

  auto* replay = notification->add_subcommand("replay", "Send a message once more");
  auto replay_options = std::make_shared<ReplayOptions>();
  add_word(replay, replay_options->word);
  replay->add_option("delivery", replay_options->delivery, "Its id, as `deliveries` shows it")
      ->required()
      ->type_name("DELIVERY");
  add_format(replay, replay_options->format);
  set_work(replay, context, replay_options, replay_delivery);
}

}  // namespace cupola::cli
