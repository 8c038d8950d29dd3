#include <fmt/format.h>

#include "base/text.h"
#include "cli/api.h"
#include "cli/command.h"
#include "cli/show.h"
#include "cli/state_source.h"
#include "cli/terminal.h"
#include "store/states.h"

namespace cupola::cli {
namespace {

/// Of one request, where one state alone is not larger: so that a failure leaves little undone.
constexpr std::size_t most_bytes = 6u << 20;

struct ImportOptions {
  std::string from;
  std::string meltano = "meltano";
  std::string project;
  bool dry_run = false;
  std::string format = "table";
};

/// The states in lists that fit into one request each.
std::vector<json::array> batches_of(std::vector<FoundState> states) {
  std::vector<json::array> batches(1);
  std::size_t bytes = 0;
  for (FoundState& state : states) {
    const std::size_t size = json::serialize(state.payload).size() + state.state_id.size() + 64;
    if (bytes + size > most_bytes && !batches.back().empty()) {
      batches.emplace_back();
      bytes = 0;
    }
    bytes += size;
    batches.back().push_back(
        {{"state_id", json_text(state.state_id)}, {"payload", std::move(state.payload)}});
  }
  return batches;
}

/// What the server says of each state. All are looked at before the first is set.
Result<json::array> send(const Api& api, const ImportOptions& options,
                         const std::vector<json::array>& batches, bool dry_run) {
  json::array all;
  for (const json::array& batch : batches) {
    json::object body{{"states", batch}};
    if (dry_run) body["dry_run"] = true;
    const auto answer = api.post(api_path({"projects", options.project, "states", "import"}), body);
    if (!answer) {
      Error error = answer.error();
      if (!dry_run && !all.empty()) {
        error.message +=
            fmt::format(". {} states before it are set; the same command goes on", all.size());
      }
      return error;
    }
    for (const auto& item : array_at(*answer, "states")) all.push_back(item);
  }
  return all;
}

/// The server looks at this too; but what it would refuse whole it cannot name.
Result<void> check_sizes(const std::vector<FoundState>& states) {
  for (const FoundState& state : states) {
    const auto checked = store::check_size(state.state_id, json::serialize(state.payload).size());
    if (!checked) return checked.error();
  }
  return {};
}

Result<int> import_states(const Context& context, const ImportOptions& options) {
  auto states = read_states(options.from, options.meltano);
  if (!states) return states.error();
  if (states->empty()) {
    return Error{Error::Kind::not_found,
                 fmt::format("There is no state in {}", printable(options.from)),
                 "In a folder they are files <state id>/state.json."};
  }
  if (const auto checked = check_sizes(*states); !checked) return checked.error();
  const auto api = Api::open(context);
  if (!api) return api.error();
  const auto batches = batches_of(*std::move(states));
  auto done = send(*api, options, batches, true);
  if (done && !options.dry_run) done = send(*api, options, batches, false);
  if (!done) return done.error();

  Table table({"state id", "change", "version"});
  std::size_t changed = 0;
  for (const auto& item : *done) {
    const json::object& state = item.get_object();
    const std::int64_t version = number_at(state, "version");
    if (text_at(state, "change") != "same") ++changed;
    table.add({text_at(state, "state_id"), text_at(state, "change"),
               version == 0 ? "-" : fmt::format("{}", version)});
  }
  print_list(options.format, json::object{{"states", *done}, {"dry_run", options.dry_run}}, table,
             "");
  say(options.dry_run
          ? fmt::format("{} of {} states would be set; nothing was.", changed, done->size())
          : fmt::format("{} of {} states were set; the others were the same.", changed,
                        done->size()));
  return 0;
}

}  // namespace

void add_state_import_command(CLI::App* state, Context& context) {
  auto options = std::make_shared<ImportOptions>();
  auto* import = state->add_subcommand("import", "Bring the states of another Meltano along");
  import
      ->add_option("--from", options->from,
                   "A folder of <state id>/state.json, a Meltano project, sqlite:///FILE, "
                   "postgresql://…, s3://…, gs://…, azure://…, or a file of `meltano state export`")
      ->required()
      ->type_name("DIR|FILE|URI");
  import
      ->add_option("--meltano", options->meltano,
                   "The program that reads s3://… and other backends")
      ->capture_default_str()
      ->type_name("PROGRAM");
  add_project(import, options->project);
  import->add_flag("--dry-run", options->dry_run, "Only tell what would be set");
  add_format(import, options->format);
  set_work(import, context, options, import_states);
}

}  // namespace cupola::cli
