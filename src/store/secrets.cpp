#include "store/secrets.h"

#include <fmt/format.h>

#include "store/columns.h"
#include "store/resealing.h"
#include "store/secret_names.h"

namespace cupola::store {
namespace {

constexpr std::size_t longest_value = 64 * 1024;

constexpr Words<SecretKind, 3> kind_words = {{{SecretKind::secret, "secret"},
                                              {SecretKind::plain, "plain"},
                                              {SecretKind::reference, "reference"}}};

Result<void> check(std::string_view name, const Secret& value) {
  if (const auto checked = check_secret_name(name); !checked) return checked.error();
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

/// What a sealed value is bound to. Its kind is part of it: who can write to the database alone
/// must not be able to make a secret readable.
struct Bound {
  std::string organization, project, deployment, name;
  std::int64_t version = 0;
  SecretKind kind = SecretKind::secret;

  std::string context() const {
    std::string text =
        fmt::format("secret/{}/{}/{}/{}/{}", organization, project, deployment, name, version);
    if (kind != SecretKind::secret) text.append("/").append(to_text(kind));
    return text;
  }
};

#define BOUND_COLUMNS "organization_key, project_key, deployment_key, name, version, kind"
constexpr std::size_t bound_columns = 6;

Bound to_bound(const db::Row& row) {
  return {.organization = row.get<std::string>(0),
          .project = row.get<std::string>(1),
          .deployment = row.get<std::string>(2),
          .name = row.get<std::string>(3),
          .version = row.get<std::int64_t>(4),
          .kind = value_in_column(kind_words, row.get<std::string_view>(5))};
}

}  // namespace

std::string_view to_text(SecretKind kind) {
  return word_for(kind_words, kind);
}

Result<void> set_secret(db::Session& db, const Vault& vault, const OrganizationKey& organization,
                        const ProjectKey& project, const std::optional<DeploymentKey>& deployment,
                        std::string_view name, const Secret& value, Instant now,
                        const SecretForm& form) {
  if (const auto checked = check(name, value); !checked) return checked.error();
  Bound bound{.organization = organization.text(),
              .project = project.text(),
              .deployment = owner_of(deployment),
              .name = std::string(name),
              .version = 1,
              .kind = form.kind};
  const auto before = db.one(R"sql(
      SELECT version FROM secrets WHERE organization_key = :organization AND project_key = :project
        AND deployment_key = :deployment AND name = :name /* pg: FOR UPDATE */)sql",
                             [](const db::Row& row) { return row.get<std::int64_t>(0); },
                             {{"organization", organization},
                              {"project", project},
                              {"deployment", bound.deployment},
                              {"name", name}});
  bound.version += before.value_or(0);
  db.execute(R"sql(
      INSERT INTO secrets (key, organization_key, project_key, deployment_key, name, sealed,
                           version, kind, as_file, created_at, updated_at)
      VALUES (:key, :organization, :project, :deployment, :name, :sealed, :version, :kind, :as_file,
              :now, :now)
      ON CONFLICT (project_key, deployment_key, name) DO UPDATE
        SET sealed = excluded.sealed, version = excluded.version, kind = excluded.kind,
            as_file = excluded.as_file, updated_at = excluded.updated_at)sql",
             {{"key", new_id<SecretKey>()},
              {"organization", organization},
              {"project", project},
              {"deployment", bound.deployment},
              {"name", name},
              {"sealed", vault.seal(db, value, bound.context())},
              {"version", bound.version},
              {"kind", to_text(form.kind)},
              {"as_file", form.as_file},
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

std::vector<SecretName> list_secrets(db::Session& db, const Vault& vault,
                                     const OrganizationKey& organization,
                                     const ProjectKey& project) {
  return db.all("SELECT " BOUND_COLUMNS R"sql(, as_file, updated_at, sealed FROM secrets
      WHERE organization_key = :organization AND project_key = :project
      ORDER BY name /* pg: COLLATE "C" */, deployment_key)sql",
                [&](const db::Row& row) {
                  const Bound bound = to_bound(row);
                  SecretName listed{
                      .name = bound.name,
                      .deployment = bound.deployment.empty()
                                        ? std::nullopt
                                        : std::optional(DeploymentKey(bound.deployment)),
                      .form = {.kind = bound.kind, .as_file = row.get<bool>(bound_columns)},
                      .shown = std::nullopt,
                      .updated_at = row.get<Instant>(bound_columns + 1)};
                  if (bound.kind != SecretKind::secret) {
                    const auto sealed = row.get<std::string_view>(bound_columns + 2);
                    listed.shown = vault.open_sealed(sealed, bound.context()).reveal();
                  }
                  return listed;
                },
                {{"organization", organization}, {"project", project}});
}

std::map<std::string, OpenedSecret> open_secrets(db::Session& db, const Vault& vault,
                                                 const ProjectKey& project,
                                                 const DeploymentKey& deployment) {
  std::map<std::string, OpenedSecret> opened;
  // The project's come first (their deployment is the empty text), so the deployment's own win.
  db.each(
      "SELECT " BOUND_COLUMNS R"sql(, as_file, sealed FROM secrets
      WHERE project_key = :project AND (deployment_key = '' OR deployment_key = :deployment)
      ORDER BY deployment_key)sql",
      {{"project", project}, {"deployment", deployment}}, [&](const db::Row& row) {
        const Bound bound = to_bound(row);
        opened.insert_or_assign(
            bound.name,
            OpenedSecret{.value = vault.open_sealed(row.get<std::string_view>(bound_columns + 1),
                                                    bound.context()),
                         .form = {.kind = bound.kind, .as_file = row.get<bool>(bound_columns)}});
        return true;
      });
  return opened;
}

void reseal_secrets(db::Session& db, Resealing& with) {
  struct Sealed {
    std::string key, text, context;
  };
  const auto all =
      db.all("SELECT " BOUND_COLUMNS R"sql(, key, sealed FROM secrets
      ORDER BY key /* pg: FOR UPDATE */)sql",
             [](const db::Row& row) {
               return Sealed{row.get<std::string>(bound_columns),
                             row.get<std::string>(bound_columns + 1), to_bound(row).context()};
             });
  for (const Sealed& sealed : all) {
    db.execute("UPDATE secrets SET sealed = :sealed WHERE key = :key",
               {{"sealed", with.reseal(sealed.text, sealed.context)}, {"key", sealed.key}});
  }
}

}  // namespace cupola::store
