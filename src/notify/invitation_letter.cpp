#include "notify/invitation_letter.h"

#include <fmt/format.h>

#include "base/text.h"

namespace cupola::notify {

Letter invitation_letter(const Invited& invited) {
  const std::string organization = printable(invited.organization);
  const std::string what = fmt::format("{} invites you to {} as {}.", printable(invited.invited_by),
                                       organization, invited.role);
  const std::string how = fmt::format(
      "The link is good for one person, once, until {}. On the command line: cupola invitation "
      "accept LINK.",
      to_rfc3339(invited.expires_at));
  const std::string link = escape_html(invited.link);
  return {
      .id = "invitation-" + invited.id,
      .subject = "Invitation to " + organization,
      .text = fmt::format("{}\n\n{}\n\n{}\n", what, invited.link, how),
      .html = fmt::format("<!DOCTYPE html>\n<html><body>\n<p>{}</p>\n<p><a href=\"{}\">{}</a></p>"
                          "\n<p>{}</p>\n</body></html>\n",
                          escape_html(what), link, link, escape_html(how))};
}

}  // namespace cupola::notify
