#include "auth/cloud_session.h"

#include <algorithm>

#include "auth/signed_claims.h"
#include "base/digest.h"
#include "base/text.h"
#include "store/projects.h"

namespace cupola::auth {
namespace {

constexpr const char* places_claim = "custom:trk_and_pid";
constexpr std::string_view between = "::";
/// Both tokens go through a URL that the CLI's own server reads only up to 8 KiB. From two projects
/// on it is told which one to use, so those beyond need not be named.
constexpr std::size_t most_places = 44;
constexpr std::size_t most_projects = 20;
constexpr std::size_t least_projects = 2;

json::string places_of(db::Session& db, const std::vector<store::Organization>& organizations) {
  std::vector<std::string> places;
  const std::size_t share = most_places / std::max<std::size_t>(1, organizations.size());
  const auto most = static_cast<int>(std::clamp(share, least_projects, most_projects));
  for (const store::Organization& organization : organizations) {
    const std::string before = organization.id + std::string(between);
    const auto projects = store::list_projects(db, organization.key, "", most);
    for (const store::Project& project : projects) places.push_back(before + project.id);
    if (projects.empty()) places.push_back(before + std::string(no_project));
  }
  return json::string(join(places, ","));
}

std::optional<CloudClaims> read(const store::Vault& vault, Purpose purpose, std::string_view token,
                                Instant now) {
  const auto claims = verified_claims(vault, purpose, token, now);
  if (!claims) return std::nullopt;
  CloudClaims read{.session = text_at(*claims, "jti"), .login = text_at(*claims, "sub")};
  const std::string places = text_at(*claims, places_claim);
  for (const std::string_view place : split(places, ',')) {
    const std::size_t middle = place.find(between);
    if (middle == std::string_view::npos) continue;
    read.places.emplace_back(place.substr(0, middle), place.substr(middle + between.size()));
  }
  if (read.session.empty() || read.places.empty()) return std::nullopt;
  return read;
}

}  // namespace

bool CloudClaims::has_organization(std::string_view id) const {
  return std::any_of(places.begin(), places.end(),
                     [&](const auto& place) { return place.first == id; });
}

bool CloudClaims::has_project(std::string_view organization, std::string_view project) const {
  return std::any_of(places.begin(), places.end(), [&](const auto& place) {
    return place.first == organization && place.second == project;
  });
}

Result<CloudSession> open_cloud_session(db::Session& db, const store::Vault& vault,
                                        const NewCloudSession& wanted, Instant now) {
  const std::string session = random_hex(16);
  CloudSession made;
  for (const store::Organization& organization : wanted.organizations) {
    made.token_hashes.push_back(cloud_token_hash(session, organization.key));
    const auto token = store::create_token(db,
                                           {.organization = organization.key,
                                            .user = wanted.user,
                                            .name = wanted.name,
                                            .hash = made.token_hashes.back(),
                                            .role = wanted.role,
                                            .expires_at = wanted.expires_at,
                                            .browser = wanted.browser},
                                           now);
    if (!token) return token.error();
  }
  const json::object claims{{"iss", "cupola"},
                            {"sub", json_text(wanted.login)},
                            {"preferred_username", json_text(wanted.login)},
                            {"jti", session},
                            {"iat", to_milliseconds(now) / 1000},
                            {places_claim, places_of(db, wanted.organizations)}};
  made.id_token = Secret(sign_claims(vault, Purpose::id_token, claims, wanted.expires_at));
  made.access_token = Secret(sign_claims(vault, Purpose::access_token, claims, wanted.expires_at));
  return made;
}

std::optional<CloudClaims> read_id_token(const store::Vault& vault, std::string_view token,
                                         Instant now) {
  return read(vault, Purpose::id_token, token, now);
}

std::optional<CloudClaims> read_access_token(const store::Vault& vault, std::string_view token,
                                             Instant now) {
  return read(vault, Purpose::access_token, token, now);
}

std::string cloud_token_hash(std::string_view session, const OrganizationKey& organization) {
  return sha256_hex("cloud session " + std::string(session) + " in " + organization.text());
}

}  // namespace cupola::auth
