#pragma once

/// What goes through a browser at a sign-in, and how it is held to be ours. Private.

#include <optional>
#include <string>
#include <string_view>

#include "api/route.h"
#include "auth/signed_claims.h"
#include "base/json.h"

namespace cupola::api::cloud {

/// How long a sign-in holds.
inline constexpr std::chrono::hours sign_in_life{24};

/// The port of "http://localhost:PORT" and `path` behind it, exactly; empty for anything else.
std::optional<int> callback_port(std::string_view uri, std::string_view path = "");

/// The value of the cookie; empty where there is none.
std::string cookie_of(const http::Request& request, std::string_view name);

/// The browser by which one signs in: a cookie that only links what was given in it, so that
/// signing out ends that. Grants nothing by itself.
std::string browser_of(const Call& call);
void keep_browser(const Call& call, http::Reply& reply, const std::string& browser);
void forget_browser(const Call& call, http::Reply& reply);
/// What the store keeps of it.
std::string browser_hash(const std::string& browser);

/// A form of ours, as its hidden field has it: signed, for a quarter of an hour, and only for the
/// browser that it was given to, which has a cookie that goes with it (so no other page can send
/// it).
struct Form {
  int port = 0;       ///< of the program that waits
  std::string login;  ///< whose password was right; of the consent alone
  std::string id;     ///< so that it is used once
  Instant expires_at;
};
/// The field's value; sets the cookie that goes with it.
std::string form_of(const Call& call, auth::Purpose purpose, const Form& form,
                    std::string& set_cookie);

/// The fields of a posted form, when it is one of ours, from this browser. Errors: forbidden,
/// malformed.
struct Posted {
  Form form;
  std::vector<std::pair<std::string, std::string>> fields;
  std::string text(std::string_view name) const;  ///< empty when absent
};
Result<Posted> posted_form(const Call& call, auth::Purpose purpose);

}  // namespace cupola::api::cloud
