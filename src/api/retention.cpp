#include "store/retention.h"

#include "api/audit.h"
#include "api/etag.h"
#include "api/handlers.h"
#include "api/input.h"
#include "base/span_text.h"
#include "store/hold.h"
#include "store/retention_preview.h"

namespace cupola::api {
namespace {

constexpr std::string_view forever = "forever";

json::value span_or_null(const std::optional<std::chrono::milliseconds>& span) {
  return span ? json::value(span_text(*span)) : json::value();
}

json::object settings_of(const store::RetentionChoice& choice) {
  return {{"logs", span_or_null(choice.logs)},
          {"runs", span_or_null(choice.runs)},
          {"state_versions",
           choice.state_versions ? json::value(*choice.state_versions) : json::value()},
          {"deliveries", span_or_null(choice.deliveries)},
          {"audit", choice.audit && choice.audit->count() == 0 ? json::value(forever)
                                                               : span_or_null(choice.audit)}};
}

json::object kept_of(const store::Retention& kept) {
  return {{"logs", span_text(kept.logs)},
          {"runs", span_text(kept.runs)},
          {"state_versions", kept.state_versions},
          {"deliveries", span_text(kept.deliveries)},
          {"audit", kept.audit ? json::value(span_text(*kept.audit)) : json::value(forever)}};
}

/// What holds, what of it is the organization's own, and what would hold without that.
http::Reply shown(const Call& call, const store::RetentionChoice& choice) {
  const store::Retention& defaults = call.context.kept;
  return tagged_reply(200,
                      {{"kept", kept_of(store::with_choice(defaults, choice))},
                       {"own", settings_of(choice)},
                       {"defaults", kept_of(defaults)}},
                      etag_of(settings_of(choice)));
}

using Span = std::optional<std::chrono::milliseconds>;

/// A value as JSON or from a query. Nothing, with `fault` set, where it is none.
struct ValueReader {
  std::optional<Error> fault;

  Span span(std::string_view name, const json::value& value, bool may_be_forever = false) {
    if (value.is_null()) return std::nullopt;
    const json::string* text = value.if_string();
    if (text != nullptr && may_be_forever && *text == forever) return Span(0ms);
    const auto span = text == nullptr ? Span() : parse_span(std::string(*text));
    if (!span || span->count() == 0) {
      fault = Error{Error::Kind::invalid, "`" + std::string(name) + "` is no span of time.",
                    may_be_forever ? "Give one such as 400d, forever, or null."
                                   : "Give one such as 90d, or null for the server's own."};
      return std::nullopt;
    }
    return span;
  }

  std::optional<int> count(std::string_view name, const json::value& value) {
    if (value.is_null()) return std::nullopt;
    json::error_code error;
    const int count = value.to_number<int>(error);
    if (!error) return count;
    fault = Error{Error::Kind::invalid, "`" + std::string(name) + "` is no whole number.",
                  "Give one such as 100, or null for the server's own."};
    return std::nullopt;
  }

  /// `find` gives the value of a name, or nothing where it is not asked for.
  template <typename F>
  store::RetentionChoice read(store::RetentionChoice choice, F find) {
    if (const auto value = find("logs")) choice.logs = span("logs", *value);
    if (const auto value = find("runs")) choice.runs = span("runs", *value);
    if (const auto value = find("state_versions")) {
      choice.state_versions = count("state_versions", *value);
    }
    if (const auto value = find("deliveries")) choice.deliveries = span("deliveries", *value);
    if (const auto value = find("audit")) choice.audit = span("audit", *value, true);
    return choice;
  }
};

json::object to_json(const store::WouldGo& gone) {
  json::array examples;
  for (const auto& example : gone.examples) {
    examples.push_back({{"name", json_text(example.name)}, {"at", to_rfc3339(example.at)}});
  }
  return {{"what", gone.what},
          {"count", gone.count},
          {"before", gone.before ? json::value(to_rfc3339(*gone.before)) : json::value()},
          {"examples", std::move(examples)}};
}

}  // namespace

Result<http::Reply> show_retention(const Call& call) {
  return call.context.database.read([&](db::Session& db) -> Result<http::Reply> {
    return shown(call, store::retention_choice_of(db, call.organization()));
  });
}

/// PATCH changes what the body has; null goes back to what the server's operator chose.
Result<http::Reply> change_retention(const Call& call) {
  Body body(call, {"logs", "runs", "state_versions", "deliveries", "audit"});
  if (body.fault()) return *body.fault();
  const auto find = [&](std::string_view name) {
    return body.has(name) ? std::optional(body.value(name)) : std::nullopt;
  };

  return write_once(call, [&](db::Session& db) -> Result<http::Reply> {
    store::hold(db, call.organization());
    const auto before = store::retention_choice_of(db, call.organization());
    if (auto refused = mismatch(call, etag_of(settings_of(before)))) return *std::move(refused);
    ValueReader reader;
    const auto after = reader.read(before, find);
    if (reader.fault) return *reader.fault;
    const auto set = store::set_retention_choice(db, call.organization(), after);
    if (!set) return set.error();
    audit(call, db,
          {.action = "retention.change",
           .name = call.member.organization_name,
           .id = call.member.organization_id,
           .before = settings_of(before),
           .after = settings_of(after)});
    return shown(call, after);
  });
}

/// GET …/preview tells what the next clean-up would remove; with query values, what it would if
/// they were chosen.
Result<http::Reply> preview_retention(const Call& call) {
  return call.context.database.read([&](db::Session& db) -> Result<http::Reply> {
    ValueReader reader;
    const auto choice =
        reader.read(store::retention_choice_of(db, call.organization()),
                    [&](std::string_view name) -> std::optional<json::value> {
                      const std::string* text = call.request.query_value(name);
                      if (text == nullptr) return std::nullopt;
                      if (name != "state_versions") return json::value(json_text(*text));
                      const auto number = parse_json(*text);
                      return number && number->is_number() ? *number : json::value("");
                    });
    if (reader.fault) return *reader.fault;
    if (const auto checked = store::check_retention_choice(choice); !checked) {
      return checked.error();
    }
    const store::Retention kept = store::with_choice(call.context.kept, choice);
    json::array items;
    for (const auto& gone : store::preview_retention(db, call.organization(), kept, call.now)) {
      items.push_back(to_json(gone));
    }
    return json_reply(200, json::object{{"kept", kept_of(kept)}, {"would_go", std::move(items)}});
  });
}

}  // namespace cupola::api
