#pragma once

/// The pages that a browser sees when the cloud CLI signs in: plain HTML without scripts, which no
/// other page can frame. Private.

#include <string>
#include <string_view>
#include <vector>

#include "api/route.h"
#include "base/time.h"
#include "store/members.h"

namespace cupola::api::cloud {

/// Asks for login and password. `form` is what must come back with them; `fault` is shown when it
/// is not empty.
http::Reply sign_in_page(int status, std::string_view form, std::string_view login,
                         std::string_view fault);

/// Asks whether the program that waits at the port may have what is listed.
struct Offer {
  std::string login;
  std::vector<store::Belonging> organizations;
  int port = 0;
  Instant until;
};
http::Reply consent_page(std::string_view form, const Offer& offer);

/// Says one thing: that it cannot go on, or that it is done.
http::Reply message_page(int status, std::string_view title, std::string_view message,
                         std::string_view hint = "");

}  // namespace cupola::api::cloud
