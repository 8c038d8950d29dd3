#include "api/csv.h"
#include "api/cursor.h"
#include "api/handlers.h"
#include "api/to_json.h"
#include "base/text.h"
#include "store/audit.h"

namespace cupola::api {
namespace {

constexpr std::string_view list = "audit";
constexpr int rows_a_step = 500;

constexpr std::string_view columns =
    "at,actor_kind,actor,action,kind,name,thing_id,project,deployment,before,after,token,peer,"
    "request_id,id\r\n";

json::value parsed(const std::optional<std::string>& text) {
  if (!text) return nullptr;
  Result<json::value> value = parse_json(*text);
  return value ? *std::move(value) : json::value(json_text(*text));
}

json::object to_json(const store::AuditEntry& entry) {
  return {{"id", entry.id},
          {"at", to_rfc3339(entry.at)},
          {"actor_kind", to_text(entry.actor_kind)},
          {"actor", json_text(entry.actor)},
          {"token", or_null(entry.token)},
          {"peer", or_null(entry.peer)},
          {"request_id", or_null(entry.request_id)},
          {"action", entry.action},
          {"kind", store::kind_of_action(entry.action)},
          {"name", json_text(entry.name)},
          {"thing_id", or_null(entry.thing_id)},
          {"project", or_null(entry.project)},
          {"deployment", or_null(entry.deployment)},
          {"before", parsed(entry.before)},
          {"after", parsed(entry.after)}};
}

std::string row_of(const store::AuditEntry& entry) {
  std::string row = to_rfc3339(entry.at);
  for (const std::string_view text :
       {to_text(entry.actor_kind), std::string_view(entry.actor), std::string_view(entry.action),
        store::kind_of_action(entry.action), std::string_view(entry.name)}) {
    row += ',' + csv_cell(text);
  }
  for (const auto& text : {entry.thing_id, entry.project, entry.deployment, entry.before,
                           entry.after, entry.token, entry.peer, entry.request_id}) {
    row += ',' + csv_cell(text.value_or(""));
  }
  return row + ',' + entry.id + "\r\n";
}

/// All that the filter lets through, a few hundred rows at a time.
http::Reply csv(const Call& call, store::AuditFilter filter) {
  http::Reply reply = csv_reply("audit.csv");
  reply.stream = [&database = call.context.database, organization = call.organization(),
                  filter = std::move(filter), is_first = true]() mutable {
    http::StreamStep step{.again_in = std::chrono::milliseconds{0}};
    if (is_first) step.data = columns;
    is_first = false;
    const auto entries = database.read(
        [&](db::Session& db) { return store::list_audit(db, organization, filter, rows_a_step); });
    for (const store::AuditEntry& entry : entries) step.data += row_of(entry);
    step.finished = entries.size() < rows_a_step;
    if (!entries.empty()) filter.after = std::pair(entries.back().at, entries.back().id);
    return step;
  };
  return reply;
}

void check_kind(Query& query, std::string_view kind, const char* name) {
  if (kind.empty() || store::is_audit_kind(kind)) return;
  std::vector<std::string> known;
  for (const std::string_view each : store::audit_kinds()) known.emplace_back(each);
  query.refuse("?" + std::string(name) + "= names " + cupola::quoted(kind) +
                   ", which is no kind of thing that is changed.",
               "There are: " + join(known, ", ") + ".");
}

}  // namespace

/// GET /api/v1/audit gives a page of changes, newest first; as text/csv all of them.
Result<http::Reply> list_audit(const Call& call) {
  Query query(call);
  const int limit = query.limit();
  store::AuditFilter filter{.actor = query.text("actor"),
                            .action = query.text("action"),
                            .kind = query.text("kind"),
                            .since = query.instant("since"),
                            .until = query.instant("until"),
                            .after = time_cursor(query, list)};
  check_kind(query, filter.kind, "kind");
  if (!filter.action.empty()) {
    const std::string_view kind = store::kind_of_action(filter.action);
    check_kind(query, kind.empty() ? std::string_view(filter.action) : kind, "action");
    if (kind.empty()) query.refuse("?action= is a kind, a dot and a verb: project.create.");
  }
  if (query.fault()) return *query.fault();
  if (call.accepts("text/csv")) return csv(call, std::move(filter));

  return call.context.database.read([&](db::Session& db) -> Result<http::Reply> {
    const auto entries = store::list_audit(db, call.organization(), filter, limit + 1);
    json::array items;
    std::string next;
    for (const store::AuditEntry& entry : entries) {
      if (items.size() == static_cast<std::size_t>(limit)) {
        const store::AuditEntry& last = entries[items.size() - 1];
        next = time_cursor_of(list, last.at, last.id);
        break;
      }
      items.emplace_back(to_json(entry));
    }
    return list_reply(list, std::move(items), next);
  });
}

}  // namespace cupola::api
