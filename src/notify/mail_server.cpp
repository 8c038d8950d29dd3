#include "notify/mail_server.h"

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

}  // namespace cupola::notify
