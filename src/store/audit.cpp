#include "store/audit.h"

#include <algorithm>

#include "base/check.h"
#include "base/text.h"
#include "store/columns.h"

namespace cupola::store {
namespace {

constexpr std::size_t longest_name = 300;

constexpr std::string_view kinds[] = {
    "backfill",     "credits",         "deployment", "heartbeat", "invitation", "member",
    "notification", "organization",    "project",    "retention", "run",        "schedule",
    "secret",       "service_account", "state",      "token"};

constexpr Words<ActorKind, 4> actor_words = {{{ActorKind::user, "user"},
                                              {ActorKind::service_account, "service_account"},
                                              {ActorKind::admin, "admin"},
                                              {ActorKind::server, "server"}}};

AuditEntry to_entry(const db::Row& row) {
  return {.id = row.get<std::string>(0),
          .organization = row.get<OrganizationKey>(1),
          .at = row.get<Instant>(2),
          .actor_kind = value_in_column(actor_words, row.get<std::string>(3)),
          .actor = row.get<std::string>(4),
          .token = row.get<std::optional<std::string>>(5),
          .peer = row.get<std::optional<std::string>>(6),
          .request_id = row.get<std::optional<std::string>>(7),
          .action = row.get<std::string>(8),
          .name = row.get<std::string>(9),
          .thing_id = row.get<std::optional<std::string>>(10),
          .project = row.get<std::optional<std::string>>(11),
          .deployment = row.get<std::optional<std::string>>(12),
          .before = row.get<std::optional<std::string>>(13),
          .after = row.get<std::optional<std::string>>(14)};
}

}  // namespace

std::span<const std::string_view> audit_kinds() {
  return kinds;
}

bool is_audit_kind(std::string_view kind) {
  return std::find(std::begin(kinds), std::end(kinds), kind) != std::end(kinds);
}

std::string_view kind_of_action(std::string_view action) {
  const std::size_t dot = action.find('.');
  return dot == std::string_view::npos ? std::string_view() : action.substr(0, dot);
}

std::string_view to_text(ActorKind kind) {
  return word_for(actor_words, kind);
}

void add_audit(db::Session& db, const AuditEntry& entry) {
  CUPOLA_CHECK(is_audit_kind(kind_of_action(entry.action)));
  db.execute(R"sql(
      INSERT INTO audit (id, organization_key, at, actor_kind, actor, token, peer, request_id,
                         action, kind, name, thing_id, project, deployment, before, after)
      VALUES (:id, :organization, :at, :actor_kind, :actor, :token, :peer, :request_id,
              :action, :kind, :name, :thing_id, :project, :deployment, :before, :after))sql",
             {{"id", new_uuid7()},
              {"organization", entry.organization},
              {"at", entry.at},
              {"actor_kind", to_text(entry.actor_kind)},
              {"actor", entry.actor},
              {"token", entry.token},
              {"peer", entry.peer},
              {"request_id", entry.request_id},
              {"action", entry.action},
              {"kind", kind_of_action(entry.action)},
              {"name", shortened(entry.name, longest_name)},
              {"thing_id", entry.thing_id},
              {"project", entry.project},
              {"deployment", entry.deployment},
              {"before", entry.before},
              {"after", entry.after}});
}

std::vector<AuditEntry> list_audit(db::Session& db, const OrganizationKey& organization,
                                   const AuditFilter& filter, int limit) {
  db::Params params = {{"organization", organization}, {"limit", limit}};
  std::string sql = R"sql(
      SELECT id, organization_key, at, actor_kind, actor, token, peer, request_id, action, name,
             thing_id, project, deployment, before, after
      FROM audit WHERE organization_key = :organization)sql";
  const auto narrow = [&](std::string_view condition, std::string_view name, const auto& value) {
    sql.append(" AND ").append(condition);
    params.emplace_back(name, value);
  };
  if (!filter.actor.empty()) narrow("actor = :actor", "actor", filter.actor);
  if (!filter.action.empty()) narrow("action = :action", "action", filter.action);
  if (!filter.kind.empty()) narrow("kind = :kind", "kind", filter.kind);
  if (filter.since) narrow("at >= :since", "since", *filter.since);
  if (filter.until) narrow("at < :until", "until", *filter.until);
  if (filter.after) {
    narrow("(at, id) < (:at, :id)", "at", filter.after->first);
    params.emplace_back("id", filter.after->second);
  }
  return db.all(sql + " ORDER BY at DESC, id DESC LIMIT :limit", to_entry, params);
}

std::int64_t delete_old_audit(db::Session& db, const OrganizationKey& organization, Instant before,
                              int limit) {
  return db.execute(R"sql(
      DELETE FROM audit WHERE id IN
        (SELECT id FROM audit WHERE organization_key = :organization AND at < :before
         ORDER BY at LIMIT :limit))sql",
                    {{"organization", organization}, {"before", before}, {"limit", limit}});
}

}  // namespace cupola::store
