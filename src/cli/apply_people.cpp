#include "cli/apply_people.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/text.h"
#include "cli/show.h"
#include "cli/terminal.h"

namespace cupola::cli {
namespace {

using Kind = Step::Kind;

bool is_address(std::string_view login) {
  return login.find('@') != std::string_view::npos;
}

Result<void> invite(const Api& api, const WantedMember& whom) {
  const auto made = api.post(api_path({"invitations"}),
                             {{"email", json_text(whom.login)}, {"role", json_text(whom.role)}});
  if (!made) return made.error();
  print(fmt::format("The link for {}: {}\n", printable(whom.login),
                    printable(text_at(*made, "link"))));
  return {};
}

Step invitation_step(const WantedMember& whom, const json::object* open) {
  if (open == nullptr) {
    return {Kind::add, whom.line, fmt::format("invitation of {}: {}", whom.login, whom.role),
            [whom](const Api& api) { return invite(api, whom); }};
  }
  return {Kind::change, whom.line,
          fmt::format("invitation of {}: {} → {}", whom.login, text_at(*open, "role"), whom.role),
          [whom, id = text_at(*open, "id")](const Api& api) -> Result<void> {
            const auto revoked = api.remove(api_path({"invitations", id}));
            if (!revoked) return revoked.error();
            return invite(api, whom);
          }};
}

Step role_step(const std::string& what, std::uint32_t line, const json::object& present,
               const std::string& role, const std::string& path) {
  return {Kind::change, line, fmt::format("{}: {} → {}", what, text_at(present, "role"), role),
          [path, role](const Api& api) {
            return done(api.patch(path, {{"role", json_text(role)}}));
          }};
}

Step removal(const std::string& what, const std::string& path) {
  return {Kind::remove, 0, what, [path](const Api& api) { return done(api.remove(path)); }};
}

Result<void> plan_members(const Api& api, const std::string& file,
                          const std::vector<WantedMember>& wanted, bool prune,
                          std::vector<Step>& steps) {
  const auto present = api.list(api_path({"members"}), "members");
  if (!present) return present.error();
  const json::array& members = array_at(*present, "members");
  const bool has_guests =
      prune || std::any_of(wanted.begin(), wanted.end(), [&](const auto& one) {
        return is_address(one.login) && item_with(members, {"login"}, one.login) == nullptr;
      });
  json::array invitations;
  if (has_guests) {
    const auto invited = api.list(api_path({"invitations"}), "invitations");
    if (!invited) return invited.error();
    invitations = array_at(*invited, "invitations");
  }
  std::set<std::string> named;
  std::set<std::string> meant;  // ids of invitations
  for (const WantedMember& one : wanted) {
    const json::object* member = item_with(members, {"login"}, one.login);
    const json::object* open = nullptr;
    for (const auto& item : invitations) {
      const auto& invitation = item.get_object();
      if (text_at(invitation, "email") != one.login) continue;
      if (text_at(invitation, "status") == "open" && open == nullptr) open = &invitation;
      const std::string guest = text_at(invitation, "accepted_by");
      if (member == nullptr && !guest.empty()) member = item_with(members, {"login"}, guest);
    }
    if (member == nullptr && !is_address(one.login)) {
      return fault_at(
          file, one.line, fmt::format("{} is no member yet.", cupola::quoted(one.login)),
          "A person joins by an invitation: give an e-mail address in place of the login, or "
          "cupola invitation create --role " +
              one.role + ".");
    }
    if (member == nullptr) {
      if (open != nullptr) meant.insert(text_at(*open, "id"));
      if (open == nullptr || text_at(*open, "role") != one.role) {
        steps.push_back(invitation_step(one, open));
      }
      continue;
    }
    const std::string login = text_at(*member, "login");
    named.insert(login);
    if (text_at(*member, "role") == one.role) continue;
    steps.push_back(
        role_step("member " + login, one.line, *member, one.role, api_path({"members", login})));
  }
  for (const auto& item : members) {
    const std::string login = text_at(item.get_object(), "login");
    if (!prune || named.contains(login)) continue;
    steps.push_back(removal("member " + login, api_path({"members", login})));
  }
  for (const auto& item : invitations) {
    const auto& invitation = item.get_object();
    const std::string id = text_at(invitation, "id");
    if (!prune || text_at(invitation, "status") != "open" || meant.contains(id)) continue;
    const std::string email = text_at(invitation, "email");
    steps.push_back(removal(fmt::format("invitation {}: {}", email.empty() ? id : "of " + email,
                                        text_at(invitation, "role")),
                            api_path({"invitations", id})));
  }
  return {};
}

Result<void> plan_service_accounts(const Api& api, const std::vector<WantedServiceAccount>& wanted,
                                   bool prune, std::vector<Step>& steps) {
  const auto present = api.list(api_path({"service-accounts"}), "service_accounts");
  if (!present) return present.error();
  const json::array& accounts = array_at(*present, "service_accounts");
  for (const WantedServiceAccount& one : wanted) {
    const json::object* known = item_with(accounts, {"name"}, one.name);
    const std::string what = "service account " + one.name;
    if (known == nullptr) {
      steps.push_back(
          {Kind::add, one.line, fmt::format("{}: {}", what, one.role), [one](const Api& with) {
             return done(with.post(api_path({"service-accounts"}),
                                   {{"name", json_text(one.name)}, {"role", json_text(one.role)}}));
           }});
    } else if (text_at(*known, "role") != one.role) {
      steps.push_back(
          role_step(what, one.line, *known, one.role, api_path({"service-accounts", one.name})));
    }
  }
  for (const auto& item : accounts) {
    const std::string name = text_at(item.get_object(), "name");
    const bool is_named = std::any_of(wanted.begin(), wanted.end(),
                                      [&](const auto& one) { return one.name == name; });
    if (!prune || is_named) continue;
    steps.push_back(removal("service account " + name, api_path({"service-accounts", name})));
  }
  return {};
}

}  // namespace

Result<std::vector<Step>> people_steps(const Api& api, const std::string& file,
                                       const WantedOrganization& wanted, bool prune) {
  std::vector<Step> steps;
  if (wanted.members) {
    const auto planned = plan_members(api, file, *wanted.members, prune, steps);
    if (!planned) return planned.error();
  }
  if (wanted.service_accounts) {
    const auto planned = plan_service_accounts(api, *wanted.service_accounts, prune, steps);
    if (!planned) return planned.error();
  }
  return steps;
}

}  // namespace cupola::cli
