#include "store/secrets.h"

#include <fmt/format.h>

#include "api/audit.h"
#include "api/handlers.h"
#include "api/input.h"
#include "api/secret_owner.h"
#include "api/to_json.h"
#include "base/text.h"

namespace cupola::api {
namespace {

constexpr std::size_t longest_value = 64u << 10;
constexpr std::size_t longest_source = 4096;

/// Names and forms alone: the value is nobody's to see.
Change change_of(const Call& call, const SecretOwner& owner, const char* action) {
  return {.action = action,
          .name = call.in_path("name"),
          .project = owner.project.name,
          .deployment = owner.deployment_name};
}

json::object form_of(const store::SecretForm& form) {
  return {{"kind", to_text(form.kind)}, {"as_file", form.as_file}};
}

json::object to_json(const store::SecretName& secret, Names& names) {
  json::object object{
      {"name", secret.name},
      {"deployment",
       secret.deployment ? json::value(names.deployment(*secret.deployment).name) : json::value()}};
  for (const auto& member : form_of(secret.form)) object[member.key()] = member.value();
  const bool is_plain = secret.form.kind == store::SecretKind::plain;
  const bool is_reference = secret.form.kind == store::SecretKind::reference;
  object["value"] = is_plain ? or_null(secret.shown) : json::value();
  object["source"] = is_reference ? or_null(secret.shown) : json::value();
  object["updated_at"] = to_rfc3339(secret.updated_at);
  return object;
}

struct Wanted {
  Secret value;
  store::SecretForm form;
};

Result<Wanted> wanted_of(const Call& call) {
  Body body(call, {"value", "source", "plain", "as_file"});
  Wanted wanted{
      .form = {.kind = body.flag("plain") ? store::SecretKind::plain : store::SecretKind::secret,
               .as_file = body.flag("as_file")}};
  if (!body.has("source")) {
    wanted.value = Secret(body.text("value", longest_value));
  } else if (body.has("value") || body.flag("plain")) {
    body.refuse("A `source` stands in place of a `value`, and what it gives is never plain.");
  } else {
    const std::string source = body.text("source", longest_source);
    if (const auto checked = call.context.hooks.check_secret_source(source); !checked) {
      body.refuse(checked.error());
    }
    wanted.form.kind = store::SecretKind::reference;
    wanted.value = Secret(source);
  }
  if (body.fault()) return *body.fault();
  return wanted;
}

}  // namespace

Result<SecretOwner> secret_owner_of(const Call& call, db::Session& db) {
  const Result<store::Project> project = project_of(call, db);
  if (!project) return project.error();
  const std::string* name = call.request.query_value("deployment");
  if (name == nullptr) return SecretOwner{*project, std::nullopt, ""};
  const Result<store::Deployment> deployment = deployment_of(call, db, *project, *name);
  if (!deployment) return deployment.error();
  return SecretOwner{*project, deployment->key, deployment->name};
}

Masking masking_of(const Secret& value, const store::SecretForm& form) {
  if (form.kind == store::SecretKind::plain) {
    return {.masked = false, .note = "A plain variable is not masked in logs."};
  }
  if (form.kind == store::SecretKind::secret && trim(value.reveal()).size() < shortest_masked) {
    return {.masked = false,
            .note = fmt::format("Values under {} characters are not masked in logs: they would be "
                                "found in every second word.",
                                shortest_masked)};
  }
  return {};
}

/// GET …/secrets gives names, and the values of plain variables; a secret is never shown again.
Result<http::Reply> list_secrets(const Call& call) {
  return call.context.database.read([&](db::Session& db) -> Result<http::Reply> {
    const Result<store::Project> project = project_of(call, db);
    if (!project) return project.error();
    Names names(db);
    json::array items;
    for (const store::SecretName& secret :
         store::list_secrets(db, call.context.vault, call.organization(), project->key)) {
      items.emplace_back(to_json(secret, names));
    }
    return list_reply("secrets", std::move(items));
  });
}

Result<http::Reply> show_secret(const Call& call) {
  return call.context.database.read([&](db::Session& db) -> Result<http::Reply> {
    const Result<SecretOwner> owner = secret_owner_of(call, db);
    if (!owner) return owner.error();
    Names names(db);
    for (const store::SecretName& secret :
         store::list_secrets(db, call.context.vault, call.organization(), owner->project.key)) {
      if (secret.name == call.in_path("name") && secret.deployment == owner->deployment) {
        return json_reply(200, to_json(secret, names));
      }
    }
    return Error{Error::Kind::not_found, "There is no such secret.",
                 "One of a deployment is named with ?deployment=."};
  });
}

Result<http::Reply> set_secret(const Call& call) {
  const Result<Wanted> wanted = wanted_of(call);
  if (!wanted) return wanted.error();

  return write_once(call, [&](db::Session& db) -> Result<http::Reply> {
    const Result<SecretOwner> owner = secret_owner_of(call, db);
    if (!owner) return owner.error();
    const Result<void> set = store::set_secret(
        db, call.context.vault, call.organization(), owner->project.key, owner->deployment,
        call.in_path("name"), wanted->value, call.now, wanted->form);
    if (!set) return set.error();
    Change change = change_of(call, *owner, "secret.set");
    change.after = form_of(wanted->form);
    audit(call, db, change);
    const Masking masking = masking_of(wanted->value, wanted->form);
    json::object reply = form_of(wanted->form);
    reply["name"] = call.in_path("name");
    reply["deployment"] = owner->deployment ? json::value(owner->deployment_name) : json::value();
    reply["masked"] = masking.masked;
    reply["note"] = masking.note.empty() ? json::value() : json::value(masking.note);
    return json_reply(200, reply);
  });
}

Result<http::Reply> delete_secret(const Call& call) {
  return write_once(call, [&](db::Session& db) -> Result<http::Reply> {
    const Result<SecretOwner> owner = secret_owner_of(call, db);
    if (!owner) return owner.error();
    if (!store::delete_secret(db, call.organization(), owner->project.key, owner->deployment,
                              call.in_path("name"))) {
      return Error{Error::Kind::not_found, "There is no such secret.",
                   "One of a deployment is named with ?deployment=."};
    }
    audit(call, db, change_of(call, *owner, "secret.delete"));
    return http::Reply{.status = 204};
  });
}

}  // namespace cupola::api
