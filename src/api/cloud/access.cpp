#include "api/cloud/access.h"

#include "api/cloud/prepared.h"
#include "api/lookup.h"
#include "auth/cloud_session.h"
#include "auth/signed_claims.h"
#include "auth/token.h"
#include "base/text.h"

namespace cupola::api::cloud {
namespace {

Error refused(std::string message) {
  return {Error::Kind::forbidden, std::move(message), "Sign in anew: meltano-cloud login."};
}

struct Credential {
  std::string hash;                         ///< of the row that stands for it
  std::optional<auth::CloudClaims> claims;  ///< of a sign-in
};

/// Of a sign-in in the organization that the path names, by the id that it was given.
Result<Credential> credential_of_session(const Call& call, auth::CloudClaims claims) {
  const std::string& id = call.in_path("organization");
  const auto organization = call.context.database.read(
      [&](db::Session& db) { return store::find_organization_by_id(db, id); });
  if (!organization || !claims.has_organization(id)) {
    return refused("This sign-in is not for the organization " + cupola::quoted(id) + ".");
  }
  return Credential{auth::cloud_token_hash(claims.session, organization->key), std::move(claims)};
}

Result<Credential> credential_of(const Call& call) {
  const std::string_view token = bearer_of(call.request);
  if (token.empty()) return refused("The request has no token.");
  if (auth::is_token(token)) return Credential{auth::token_hash(token), std::nullopt};
  auto claims = auth::read_id_token(call.context.vault, token, call.now);
  if (!claims) return refused("The sign-in has expired, or is none of this server.");
  return credential_of_session(call, *std::move(claims));
}

bool is_id(std::string_view text) {
  return text.size() == auth::no_project.size();
}

std::optional<store::Project> find_by_id(const Call& call, db::Session& db,
                                         const OrganizationKey& organization) {
  const std::string& id = call.in_path("project");
  auto project = is_id(id) ? store::find_project_ever(db, organization, id) : std::nullopt;
  if (project && project->id == id) return project;
  return std::nullopt;
}

Error no_project(const std::string& id) {
  if (id == auth::no_project) {
    return {Error::Kind::not_found, "The organization has no project yet.",
            "Make one: meltano-cloud project create."};
  }
  return {Error::Kind::not_found, "There is no project with the id " + cupola::quoted(id) + ".",
          "Choose one: meltano-cloud project use."};
}

Result<void> check_ids(const Call& call, const store::Member& member,
                       const std::optional<auth::CloudClaims>& claims) {
  const std::string& organization = call.in_path("organization");
  if (member.organization_id != organization) {
    return refused("This token is not for the organization " + cupola::quoted(organization) + ".");
  }
  if (!call.has_in_path("project")) return {};
  const std::string& id = call.in_path("project");
  const auto project = call.context.database.read(
      [&](db::Session& db) { return find_by_id(call, db, member.organization); });
  if (project && !project->deleted_at) return {};
  if (!project && claims && id != auth::no_project && claims->has_project(organization, id)) {
    return refused("The id of the project has changed since the sign-in.");
  }
  return no_project(id);
}

}  // namespace

std::string_view bearer_of(const http::Request& request) {
  const std::string* header = request.header("authorization");
  return header == nullptr ? std::string_view() : auth::bearer_of(*header);
}

Result<std::string> token_hash_of(const Call& call) {
  auto credential = credential_of(call);
  if (!credential) return credential.error();
  return std::move(credential->hash);
}

Result<store::Member> authenticate(const Call& call) {
  Credential credential;
  if (is_prepared(call)) {
    const auto hash = redeem(call);
    if (!hash) return hash.error();
    credential.hash = *hash;
  } else {
    auto found = credential_of(call);
    if (!found) return found.error();
    credential = *std::move(found);
  }
  auto member = call.context.authenticator.find(credential.hash, call.now);
  if (!member) return refused("The sign-in was ended, or its holder is no member any more.");
  if (const auto checked = check_ids(call, *member, credential.claims); !checked) {
    return checked.error();
  }
  return *std::move(member);
}

void explain(http::Reply& reply) {
  if (reply.status < 400 || reply.content_type != "application/problem+json") return;
  Result<json::value> problem = parse_json(reply.body);
  if (!problem || !problem->is_object()) return;
  json::object& object = problem->get_object();
  std::string text = text_at(object, "detail");
  const std::string hint = text_at(object, "hint");
  // What our own command line or API would do is no help to who uses the other.
  const auto names = [&](std::string_view words) { return hint.find(words) != std::string::npos; };
  if (!hint.empty() && !names("cupola ") && !names("?deployment=")) text += " " + hint;
  reply.reason = text;
  object["detail"] = text;
  object.erase("hint");
  reply.body = json::serialize(object);
}

}  // namespace cupola::api::cloud
