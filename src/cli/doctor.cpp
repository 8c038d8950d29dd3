#include <cstdlib>
#include <filesystem>

#include <fmt/format.h>
#include <sys/statvfs.h>

#include "base/files.h"
#include "base/text.h"
#include "cli/api.h"
#include "cli/command.h"
#include "cli/show.h"
#include "cli/terminal.h"
#include "process/program.h"
#include "process/sandbox.h"

namespace cupola::cli {
namespace {

struct DoctorOptions {
  std::string home;
  std::string format = "table";
};

enum class Verdict { ok, warning, missing };

struct Finding {
  std::string subject;
  Verdict verdict = Verdict::ok;
  std::string text;
  std::string remedy;
};

/// The first line of what `name --version` prints; empty where it cannot be run.
std::string version_of(const std::string& name) {
  const auto output =
      process::run({.argv = {name, "--version"},
                    .env = process::helper_environment(std::filesystem::temp_directory_path())},
                   {.timeout = std::chrono::seconds{10}});
  if (!output || !output->exit.ok()) return "";
  const std::string text = output->out.empty() ? output->err : output->out;
  return printable(text.substr(0, text.find('\n')));
}

Finding check_program(const std::string& name, const std::string& purpose,
                      const std::string& remedy) {
  const char* path = std::getenv("PATH");
  const auto found = process::find_program(name, path == nullptr ? "" : path);
  if (!found) return {name, Verdict::missing, "not found in PATH; " + purpose, remedy};
  const std::string version = version_of(found->string());
  if (version.empty()) {
    return {name, Verdict::missing, fmt::format("{} cannot be run", found->string()), remedy};
  }
  return {name, Verdict::ok, fmt::format("{} ({})", version, found->string()), ""};
}

Finding check_sandbox(const std::filesystem::path& home) {
  const auto& support = process::sandbox_support(home);
  if (support.kind == process::SandboxKind::none) {
    return {"sandbox", Verdict::warning, support.text,
            "Install bubblewrap, and allow user namespaces or start the server as root."};
  }
  return {"sandbox", Verdict::ok, support.text, ""};
}

/// The folder, or the nearest one above it that is there.
std::filesystem::path existing(std::filesystem::path path) {
  std::error_code ignored;
  while (!std::filesystem::exists(path, ignored) && path.has_relative_path())
    path = path.parent_path();
  return path;
}

Finding check_disk(const std::filesystem::path& home) {
  struct statvfs status {};
  if (statvfs(home.c_str(), &status) != 0) {
    return {"disk", Verdict::missing, home.string() + ": " + system_text(errno), ""};
  }
  const double free =
      static_cast<double>(status.f_bavail) * static_cast<double>(status.f_frsize) / 1e9;
  const double share = free_share(home);
  const std::string text =
      fmt::format("{:.1f} GB free ({:.0f} %) at {}", free, 100 * share, home.string());
  if (share < 0.05) return {"disk", Verdict::missing, text, "Below 5 % no run starts: make room."};
  if (share < 0.1) return {"disk", Verdict::warning, text, "Below 5 % no run starts."};
  return {"disk", Verdict::ok, text, ""};
}

Finding check_server(const Context& context) {
  const auto login = find_login(context.url);
  if (!login) return {"server", Verdict::missing, login.error().message, login.error().hint};
  const auto reply =
      net::send({.url = login->url + "/healthz", .timeouts = {.total = std::chrono::seconds{10}}});
  if (!reply) {
    return {"server", Verdict::warning, reply.error().message,
            "Start one with `cupola server`, or name another with CUPOLA_URL."};
  }
  const auto health = parse_json(reply->body);
  if (reply->status != 200 || !health || !health->is_object()) {
    return {"server", Verdict::warning,
            fmt::format("{} answers, but not as a Cupola server does", login->url),
            "Check the address: --url, CUPOLA_URL or `cupola login`."};
  }
  std::string text = fmt::format("{}, version {}", login->url,
                                 text_at(health->get_object(), "version", "unknown"));
  if (login->token.empty())
    return {"server", Verdict::warning, text + "; not signed in", "cupola login"};
  const auto who = Api{*login}.get(api_path({"whoami"}));
  if (!who)
    return {"server", Verdict::warning, text + "; " + who.error().message, who.error().hint};
  return {"server", Verdict::ok, fmt::format("{}; signed in as {}", text, text_at(*who, "login")),
          ""};
}

Cell verdict_cell(Verdict verdict) {
  if (verdict == Verdict::ok) return {"ok", Colour::green};
  if (verdict == Verdict::warning) return {"warning", Colour::yellow};
  return {"missing", Colour::red};
}

Result<int> examine(const Context& context, const DoctorOptions& options) {
  const std::filesystem::path home = existing(
      options.home.empty() ? std::filesystem::current_path() : std::filesystem::path(options.home));
  const std::vector<Finding> findings{
      check_program("git", "it fetches projects", "apt-get install git"),
      check_program("uv", "it builds plugin environments",
                    "pip install uv, or from a checkout: tools/install"),
      check_program("python3", "plugins run on it", "apt-get install python3 python3-venv"),
      check_program("bwrap", "it isolates runs", "apt-get install bubblewrap"),
      check_sandbox(home),
      check_disk(home),
      check_server(context)};

  Table table({"what", "state", "found", "what to do"});
  json::array checks;
  bool whole = true;
  for (const auto& finding : findings) {
    const Cell verdict = verdict_cell(finding.verdict);
    if (finding.verdict == Verdict::missing) whole = false;
    table.add({finding.subject, verdict, finding.text, finding.remedy});
    checks.push_back({{"name", json_text(finding.subject)},
                      {"state", json_text(verdict.text)},
                      {"found", json_text(finding.text)},
                      {"remedy", json_text(finding.remedy)}});
  }
  print_list(options.format, json::object{{"checks", std::move(checks)}, {"next", nullptr}}, table,
             "");
  return whole ? 0 : 1;
}

}  // namespace

void add_doctor_command(CLI::App& root, Context& context) {
  auto* command = root.add_subcommand(
      "doctor", "Check what this machine has for a server, and reach the server");
  auto options = std::make_shared<DoctorOptions>();
  command->add_option("--home", options->home, "The server's folder (CUPOLA_HOME)")
      ->envname("CUPOLA_HOME")
      ->type_name("DIR");
  add_format(command, options->format);
  set_work(command, context, options, examine);
}

}  // namespace cupola::cli
