#include "store/secrets.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/text.h"

namespace cupola::store {
namespace {

constexpr std::size_t longest_name = 255;
constexpr std::size_t longest_value = 64 * 1024;

/// What Cupola sets itself, and what changes how programs start.
constexpr std::array<std::string_view, 15> reserved_names = {
    "PATH",       "HOME",       "USER",          "LOGNAME",     "SHELL",
    "TMPDIR",     "PWD",        "IFS",           "ENV",         "BASH_ENV",
    "PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "VIRTUAL_ENV", "GCONV_PATH"};
constexpr std::array<std::string_view, 3> reserved_beginnings = {"CUPOLA_", "LD_", "GLIBC_"};

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool is_variable_name(std::string_view name) {
  return !name.empty() && name.size() <= longest_name && is_letter(name.front()) &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

bool is_reserved(std::string_view name) {
  return std::find(reserved_names.begin(), reserved_names.end(), name) != reserved_names.end() ||
         std::any_of(reserved_beginnings.begin(), reserved_beginnings.end(),
                     [&](std::string_view beginning) { return name.starts_with(beginning); });
}

Result<void> check(std::string_view name, const Secret& value) {
  if (!is_variable_name(name)) {
    return Error{Error::Kind::invalid, fmt::format("{} is no name for a secret.", quoted(name)),
                 "Names are letters, digits and _, not beginning with a digit, at most 255 bytes."};
  }
  if (is_reserved(name)) {
    return Error{Error::Kind::invalid,
                 fmt::format("The name {} is Cupola's or the system's own.", quoted(name)),
                 "Choose another name."};
  }
  if (value.reveal().size() > longest_value) {
    return Error{Error::Kind::invalid,
                 fmt::format("The value of {} is longer than {} bytes.", name, longest_value),
                 "Keep large values in a file that the project reads."};
  }
  if (value.reveal().find('\0') != std::string_view::npos) {
    return Error{Error::Kind::invalid, fmt::format("The value of {} holds a NUL byte.", name),
                 "Environment variables cannot hold one: encode the value, as base64 say."};
  }
  return {};
}

/// An empty key stands for all deployments of the project.
std::string owner_of(const std::optional<DeploymentKey>& deployment) {
  return deployment ? deployment->text() : "";
}

std::string context_of(std::string_view organization, std::string_view project,
                       std::string_view deployment, std::string_view name, std::int64_t version) {
  return fmt::format("secret/{}/{}/{}/{}/{}", organization, project, deployment, name, version);
}

}  // namespace

Result<void> set_secret(db::Session& db, const Vault& vault, const OrganizationKey& organization,
                        const ProjectKey& project, const std::optional<DeploymentKey>& deployment,
                        std::string_view name, const Secret& value, Instant now) {
  if (const auto checked = check(name, value); !checked) return checked.error();
  const std::string owner = owner_of(deployment);
  const auto version = db.one(R"sql(
      SELECT version FROM secrets WHERE organization_key = :organization AND project_key = :project
        AND deployment_key = :deployment AND name = :name /* pg: FOR UPDATE */)sql",
                              [](const db::Row& row) { return row.get<std::int64_t>(0); },
                              {{"organization", organization},
                               {"project", project},
                               {"deployment", owner},
                               {"name", name}})
                           .value_or(0) +
                       1;
  const std::string sealed =
      vault.seal(value, context_of(organization.text(), project.text(), owner, name, version));
  db.execute(R"sql(
      INSERT INTO secrets (key, organization_key, project_key, deployment_key, name, sealed,
                           version, created_at, updated_at)
      VALUES (:key, :organization, :project, :deployment, :name, :sealed, :version, :now, :now)
      ON CONFLICT (project_key, deployment_key, name) DO UPDATE
        SET sealed = excluded.sealed, version = excluded.version, updated_at = excluded.updated_at)sql",
             {{"key", new_id<SecretKey>()},
              {"organization", organization},
              {"project", project},
              {"deployment", owner},
              {"name", name},
              {"sealed", sealed},
              {"version", version},
              {"now", now}});
  return {};
}

bool delete_secret(db::Session& db, const OrganizationKey& organization, const ProjectKey& project,
                   const std::optional<DeploymentKey>& deployment, std::string_view name) {
  return db.execute(R"sql(
      DELETE FROM secrets WHERE organization_key = :organization AND project_key = :project
        AND deployment_key = :deployment AND name = :name)sql",
                    {{"organization", organization},
                     {"project", project},
                     {"deployment", owner_of(deployment)},
                     {"name", name}}) == 1;
}

std::vector<SecretName> list_secrets(db::Session& db, const OrganizationKey& organization,
                                     const ProjectKey& project) {
  return db.all(
      R"sql(SELECT name, deployment_key, updated_at FROM secrets
      WHERE organization_key = :organization AND project_key = :project
      ORDER BY name /* pg: COLLATE "C" */, deployment_key)sql",
      [](const db::Row& row) {
        SecretName listed{.name = row.get<std::string>(0),
                          .deployment = row.get<DeploymentKey>(1),
                          .updated_at = row.get<Instant>(2)};
        if (listed.deployment->empty()) listed.deployment.reset();
        return listed;
      },
      {{"organization", organization}, {"project", project}});
}

std::map<std::string, Secret> open_secrets(db::Session& db, const Vault& vault,
                                           const ProjectKey& project,
                                           const DeploymentKey& deployment) {
  std::map<std::string, Secret> opened;
  // The project's come first (their deployment is the empty text), so the deployment's own win.
  db.each(
      R"sql(SELECT organization_key, deployment_key, name, version, sealed FROM secrets
      WHERE project_key = :project AND (deployment_key = '' OR deployment_key = :deployment)
      ORDER BY deployment_key)sql",
      {{"project", project}, {"deployment", deployment}}, [&](const db::Row& row) {
        const auto name = row.get<std::string>(2);
        const std::string context =
            context_of(row.get<std::string_view>(0), project.text(), row.get<std::string_view>(1),
                       name, row.get<std::int64_t>(3));
        opened.insert_or_assign(name, vault.open_sealed(row.get<std::string_view>(4), context));
        return true;
      });
  return opened;
}

}  // namespace cupola::store
