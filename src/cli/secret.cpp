#include <fmt/format.h>

#include "base/text.h"
#include "cli/api.h"
#include "cli/command.h"
#include "cli/show.h"
#include "cli/terminal.h"

namespace cupola::cli {
namespace {

constexpr std::size_t largest_dotenv = 1u << 20;

struct SecretOptions {
  std::string name;
  std::string project;
  std::string deployment;
  bool as_file = false;
  bool plain = false;
  std::string from;
  std::string file;
  std::string format = "table";
};

std::string scope_of(const SecretOptions& options) {
  return options.deployment.empty()
             ? fmt::format("project {}", printable(options.project))
             : fmt::format("deployment {} of {}", printable(options.deployment),
                           printable(options.project));
}

std::string secret_path(const SecretOptions& options) {
  return api_path({"projects", options.project, "secrets", options.name});
}

/// "secret", "plain", "secret, as a file", "from file:/run/x".
std::string kind_of(const json::object& secret) {
  const std::string source = text_at(secret, "source");
  std::string kind = source.empty() ? text_at(secret, "kind") : "from " + source;
  if (flag_at(secret, "as_file")) kind += ", as a file";
  return kind;
}

Result<int> set_secret(const Context& context, const SecretOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  json::object body;
  if (options.from.empty()) {
    const auto value = read_secret(fmt::format("Value of {}", printable(options.name)));
    if (!value) return value.error();
    if (!is_utf8(value->reveal())) {
      return Error{Error::Kind::invalid, "The value is no UTF-8 text",
                   "Give binary data in base64."};
    }
    body["value"] = json_text(value->reveal());
    if (options.plain) body["plain"] = true;
  } else {
    body["source"] = json_text(options.from);
  }
  if (options.as_file) body["as_file"] = true;
  const auto done =
      api->put(secret_path(options), json::serialize(body), {{"deployment", options.deployment}});
  if (!done) return done.error();
  print(fmt::format("{} is set for {}. Runs that start from now on get it.\n",
                    printable(options.name), scope_of(options)));
  if (const std::string note = text_at(*done, "note"); !note.empty()) say("Note: " + note);
  return 0;
}

Result<int> get_variable(const Context& context, const SecretOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  const auto secret = api->get(secret_path(options), {{"deployment", options.deployment}});
  if (!secret) return secret.error();
  const std::string kind = text_at(*secret, "kind");
  if (options.format == "json") {
    print(pretty(*secret));
  } else if (kind == "plain") {
    print(text_at(*secret, "value") + "\n");
  } else if (kind == "reference") {
    print(text_at(*secret, "source") + "\n");
  } else {
    return Error{Error::Kind::forbidden,
                 fmt::format("{} is a secret: its value is never shown", printable(options.name)),
                 "It can be replaced: cupola secret set."};
  }
  return 0;
}

Result<int> list_secrets(const Context& context, const SecretOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  auto answer = api->get(api_path({"projects", options.project, "secrets"}));
  if (!answer) return answer.error();
  if (auto* all = answer->if_contains("secrets"); all != nullptr && !options.deployment.empty()) {
    json::array wanted;
    for (const auto& item : array_at(*answer, "secrets")) {
      const std::string deployment = text_at(item.get_object(), "deployment");
      if (deployment.empty() || deployment == options.deployment) wanted.push_back(item);
    }
    *all = std::move(wanted);
  }
  Table table({"name", "deployment", "kind", "value", "updated (UTC)"});
  for (const auto& item : array_at(*answer, "secrets")) {
    const auto& secret = item.get_object();
    table.add({text_at(secret, "name"), text_at(secret, "deployment", "all"), kind_of(secret),
               text_at(secret, "value", "****"), time_at(secret, "updated_at")});
  }
  print_list(options.format, *answer, table,
             "There are no secrets. Set one: cupola secret set NAME --project P");
  return 0;
}

Result<int> import_secrets(const Context& context, const SecretOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  const auto text = read_file_or_input(options.file, largest_dotenv);
  if (!text) return text.error();
  if (!is_utf8(*text)) {
    return Error{Error::Kind::malformed, "The file is no UTF-8 text", ""};
  }
  json::object body{{"dotenv", json_text(*text)}};
  if (options.plain) body["plain"] = true;
  std::string path = api_path({"projects", options.project, "secrets", "import"});
  const auto answer = api->post(path, body, {{"deployment", options.deployment}});
  if (!answer) return answer.error();
  const json::array& set = array_at(*answer, "secrets");
  print(fmt::format("{} variables are set for {}. Runs that start from now on get them.\n",
                    set.size(), scope_of(options)));
  std::vector<std::string> open;
  for (const auto& item : set) {
    if (!flag_at(item.get_object(), "masked")) open.push_back(text_at(item.get_object(), "name"));
  }
  if (!open.empty() && !options.plain) {
    say(fmt::format("Note: too short to be masked in logs: {}", printable(join(open, ", "))));
  }
  return 0;
}

Result<int> delete_secret(const Context& context, const SecretOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  const auto done = api->remove(secret_path(options), {{"deployment", options.deployment}});
  if (!done) return done.error();
  print(fmt::format("{} is deleted for {}.\n", printable(options.name), scope_of(options)));
  return 0;
}

/// A subcommand about one name, with --project and --deployment.
CLI::App* add_one(CLI::App* secret, const char* command, const char* text,
                  const std::shared_ptr<SecretOptions>& options) {
  auto* added = secret->add_subcommand(command, text);
  added->add_option("name", options->name, "Name of the variable")->required()->type_name("NAME");
  add_project(added, options->project);
  add_deployment(added, options->deployment, false);
  return added;
}

void add_set(CLI::App* secret, Context& context) {
  auto options = std::make_shared<SecretOptions>();
  auto* set =
      add_one(secret, "set", "Set a secret; its value is read from standard input", options);
  set->add_flag("--as-file", options->as_file,
                "The variable holds the path of a private file with the value");
  auto* plain = set->add_flag("--plain", options->plain,
                              "A variable that may be read: shown by list and get, not masked");
  set->add_option("--from", options->from,
                  "Where the value is found when a run starts: file:/PATH or exec:/PROGRAM WORDS; "
                  "as far as the server's operator allows it")
      ->type_name("SOURCE")
      ->excludes(plain);
  set_work(set, context, options, set_secret);
}

void add_import(CLI::App* secret, Context& context) {
  auto options = std::make_shared<SecretOptions>();
  auto* import = secret->add_subcommand("import", "Set all variables of a .env file, or none");
  import->add_option("file", options->file, "The file; - for standard input")
      ->required()
      ->type_name("FILE");
  add_project(import, options->project);
  add_deployment(import, options->deployment, false);
  import->add_flag("--plain", options->plain, "As variables that may be read");
  set_work(import, context, options, import_secrets);
}

}  // namespace

void add_secret_commands(CLI::App& root, Context& context) {
  auto* secret =
      root.add_subcommand("secret", "Secrets: variables of runs that nobody can read back");
  secret->require_subcommand(1);
  add_set(secret, context);

  auto get_options = std::make_shared<SecretOptions>();
  auto* get = add_one(secret, "get", "The value of a plain variable", get_options);
  get->add_option("--format", get_options->format, "table: the value alone; json: all there is")
      ->check(CLI::IsMember({"table", "json"}))
      ->type_name("FORMAT")
      ->capture_default_str();
  set_work(get, context, get_options, get_variable);

  auto* list = secret->add_subcommand("list", "Names of the secrets, without their values");
  auto list_options = std::make_shared<SecretOptions>();
  add_project(list, list_options->project);
  add_deployment(list, list_options->deployment, false);
  add_format(list, list_options->format);
  set_work(list, context, list_options, list_secrets);

  add_import(secret, context);

  auto delete_options = std::make_shared<SecretOptions>();
  auto* remove = add_one(secret, "delete", "Delete a secret", delete_options);
  set_work(remove, context, delete_options, delete_secret);
}

}  // namespace cupola::cli
