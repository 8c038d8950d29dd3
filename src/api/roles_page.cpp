#include <fmt/format.h>

#include "api/api.h"
#include "api/route.h"

namespace cupola::api {
namespace {

constexpr std::string_view head =
    "# Roles\n\n"
    "What each role may do. The table is made from the routes of the API by a test, which fails\n"
    "when the two differ (`CUPOLA_ACCEPT=1` writes it anew).\n\n"
    "| to | route | viewer | operator | maintainer | owner |\n"
    "| --- | --- | --- | --- | --- | --- |\n";

constexpr std::string_view limits_head =
    "\n## Tokens with a limit\n\n"
    "A token may be limited to a role, and to a project or a deployment. It may what both its\n"
    "holder's role and its own allow. What lies beyond its project or deployment is not found\n"
    "(404); lists show what lies within; all that is about the whole organization is refused\n"
    "(403). A token of a deployment is refused what is about its project as a whole, too.\n\n"
    "| route | token of a project | token of a deployment |\n"
    "| --- | --- | --- |\n";

bool names(const Route& route, std::string_view part) {
  return route.path.find(part) != std::string_view::npos;
}

bool reads(const Route& route, std::string_view name) {
  return (" " + std::string(route.query) + " ").find(" " + std::string(name) + " ") !=
         std::string::npos;
}

std::string row_of_roles(const Route& route) {
  std::string row =
      fmt::format("| {}{} | `{} {}` |", route.contract == Contract::cloud ? "cloud CLI: " : "",
                  route.action, name_of(route.method), route.path);
  for (const Access role : {Access::viewer, Access::operator_, Access::maintainer, Access::owner}) {
    row += role >= route.access ? " yes |" : " – |";
  }
  return row + "\n";
}

std::string row_of_limits(const Route& route) {
  const bool filtered = route.limits == Limits::filtered;
  const bool in_project = names(route, "{project}") || names(route, "{run}");
  const bool in_deployment = names(route, "{deployment}") || names(route, "{run}");
  const bool narrowed = in_project && reads(route, "deployment");
  return fmt::format("| `{} {}` | {} | {} |\n", name_of(route.method), route.path,
                     in_project || filtered ? "yes" : "–",
                     in_deployment || filtered ? "yes"
                     : narrowed                ? "with `?deployment=`"
                                               : "–");
}

}  // namespace

std::string roles_page() {
  std::string page(head);
  std::string open;
  std::string limits;
  for (const Route& route : routes()) {
    page += row_of_roles(route);
    if (route.access == Access::anyone) {
      open += fmt::format("{}`{} {}`", open.empty() ? "" : ", ", name_of(route.method), route.path);
    } else {
      limits += row_of_limits(route);
    }
  }
  page += fmt::format(
      "\nWithout a token: {}.\nA thing of another organization is not found (404), "
      "whatever the role.\n",
      open);
  page += limits_head;
  return page + limits;
}

}  // namespace cupola::api
