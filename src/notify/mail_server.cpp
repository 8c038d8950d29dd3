#include "notify/mail_server.h"

#include <fmt/format.h>

namespace cupola::notify {
namespace {

constexpr net::Timeouts mail_times = {.connect = 10s, .total = 60s};

}  // namespace

net::Mail mail_by(const MailServer& server, std::string to, std::string text) {
  return {.server = server.url,
          .starttls = server.starttls,
          .user = server.user,
          .password = server.password,
          .from = server.from.address,
          .to = std::move(to),
          .data = std::move(text),
          .timeouts = mail_times};
}

Result<void> send_mail(const MailServer& server, std::string to, std::string text) {
  net::Courier courier;
  net::Outcome outcome;
  courier.send(mail_by(server, std::move(to), std::move(text)),
               [&](net::Outcome ended) { outcome = std::move(ended); });
  while (courier.under_way() > 0) courier.wait(1s);
  if (outcome.error.empty() && outcome.status < 400) return {};
  return Error{Error::Kind::unavailable,
               outcome.error.empty()
                   ? fmt::format("The mail server answered {}.", outcome.status)
                   : fmt::format("The mail server did not take it: {}.", outcome.error)};
}

}  // namespace cupola::notify
