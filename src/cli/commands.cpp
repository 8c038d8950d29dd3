#include "cli/commands.h"

#include "cli/command.h"

namespace cupola::cli {

void add_commands(CLI::App& root, Context& context) {
  root.add_option("--url", context.url, "Address of the server (CUPOLA_URL)")->type_name("URL");
  root.require_subcommand(1);

  add_project_commands(root, context);
  add_deployment_commands(root, context);
  add_apply_command(root, context);
  add_schedule_commands(root, context);
  add_backfill_commands(root, context);
  add_run_commands(root, context);
  add_history_command(root, context);
  add_artifacts_command(root, context);
  add_state_commands(root, context);
  add_secret_commands(root, context);
  add_notification_commands(root, context);
  add_session_commands(root, context);
  add_organization_commands(root, context);
  add_retention_commands(root, context);
  add_member_commands(root, context);
  add_invitation_commands(root, context);
  add_service_account_commands(root, context);
  add_token_commands(root, context);
  add_audit_command(root, context);
  add_credits_commands(root, context);
  add_usage_commands(root, context);
  add_inspect_command(root, context);
  add_cron_command(root, context);
  add_doctor_command(root, context);
  add_admin_commands(root, context);
  add_completion_commands(root, context);
}

CLI::Option* add_format(CLI::App* command, std::string& format) {
  return command->add_option("--format", format, "How to print: table, json or markdown")
      ->check(CLI::IsMember({"table", "json", "markdown"}))
      ->type_name("FORMAT")
      ->capture_default_str();
}

void add_project(CLI::App* command, std::string& project, bool required) {
  command->add_option("--project,-p", project, "The project: name or id")
      ->required(required)
      ->type_name("PROJECT");
}

void add_deployment(CLI::App* command, std::string& deployment, bool required) {
  command->add_option("--deployment,-d", deployment, "The deployment")
      ->required(required)
      ->type_name("DEPLOYMENT");
}

CLI::Option* add_role(CLI::App* command, std::string& role, const std::string& text) {
  return command->add_option("--role", role, text)
      ->check(CLI::IsMember({"viewer", "operator", "maintainer", "owner"}))
      ->type_name("ROLE");
}

void add_yes(CLI::App* command, bool& yes) {
  command->add_flag("--yes,-y", yes, "Do not ask");
}

}  // namespace cupola::cli
