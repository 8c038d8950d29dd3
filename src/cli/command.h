#pragma once

/// How a command is added: its options are read into a struct, its work is a plain function.

#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/commands.h"

namespace cupola::cli {

/// `work` is done with `options` when `command` was named. The options are shared by the parser,
/// which fills them, and the work.
template <typename Options>
void set_work(CLI::App* command, Context& context, std::shared_ptr<Options> options,
              Result<int> (*work)(const Context&, const Options&)) {
  command->callback([&context, options, work] {
    context.chosen = [&context, options, work] { return work(context, *options); };
  });
}

/// `--format table|json|markdown`.
CLI::Option* add_format(CLI::App* command, std::string& format);
/// `--project P` and `--deployment D`; required where said.
void add_project(CLI::App* command, std::string& project, bool required = true);
void add_deployment(CLI::App* command, std::string& deployment, bool required = true);
/// `--role ROLE`: one of the four.
CLI::Option* add_role(CLI::App* command, std::string& role, const std::string& text);
/// `--yes`, for commands that ask before they delete.
void add_yes(CLI::App* command, bool& yes);

// One function for each file of commands.
void add_admin_commands(CLI::App& root, Context& context);
void add_session_commands(CLI::App& root, Context& context);
void add_project_commands(CLI::App& root, Context& context);
void add_deployment_commands(CLI::App& root, Context& context);
void add_release_commands(CLI::App* deployment, Context& context);
void add_schedule_commands(CLI::App& root, Context& context);
void add_backfill_commands(CLI::App& root, Context& context);
void add_run_commands(CLI::App& root, Context& context);
void add_history_command(CLI::App& root, Context& context);
void add_artifacts_command(CLI::App& root, Context& context);
void add_apply_command(CLI::App& root, Context& context);
void add_secret_commands(CLI::App& root, Context& context);
void add_notification_commands(CLI::App& root, Context& context);
void add_delivery_commands(CLI::App* notification, Context& context);
void add_state_commands(CLI::App& root, Context& context);
void add_state_edit_commands(CLI::App* state, Context& context);
void add_state_import_command(CLI::App* state, Context& context);
void add_retention_commands(CLI::App& root, Context& context);
void add_inspect_command(CLI::App& root, Context& context);
void add_cron_command(CLI::App& root, Context& context);
void add_organization_commands(CLI::App& root, Context& context);
void add_member_commands(CLI::App& root, Context& context);
void add_invitation_commands(CLI::App& root, Context& context);
void add_service_account_commands(CLI::App& root, Context& context);
void add_token_commands(CLI::App& root, Context& context);
void add_audit_command(CLI::App& root, Context& context);
void add_credits_commands(CLI::App& root, Context& context);
void add_usage_commands(CLI::App& root, Context& context);
void add_admin_id_commands(CLI::App* admin, Context& context);
void add_admin_key_command(CLI::App* admin, Context& context);
void add_admin_cloud_command(CLI::App* admin, Context& context);
void add_completion_commands(CLI::App& root, Context& context);
void add_doctor_command(CLI::App& root, Context& context);

}  // namespace cupola::cli
