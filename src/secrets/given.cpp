#include "secrets/given.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

namespace cupola::secrets {
namespace {

constexpr std::chrono::milliseconds all_together = std::chrono::minutes{1};

}  // namespace

Result<Given> give(const Options& options, std::map<std::string, store::OpenedSecret> opened,
                   const std::map<std::string, std::string>& about, const std::stop_token& stop) {
  Given given;
  const auto end = std::chrono::steady_clock::now() + all_together;
  for (auto& [name, secret] : opened) {
    Secret value = std::move(secret.value);
    if (secret.form.kind == store::SecretKind::reference) {
      Options within = options;
      within.time_limit = std::min(options.time_limit, std::chrono::ceil<std::chrono::milliseconds>(
                                                           end - std::chrono::steady_clock::now()));
      auto details = about;
      details["CUPOLA_SECRET"] = name;
      auto fetched = within.time_limit.count() <= 0
                         ? Result<Secret>(Error{Error::Kind::unavailable,
                                                "Those before it took too long altogether.", ""})
                         : fetch(within, value.reveal(), details, stop);
      if (!fetched) {
        Error error = fetched.error();
        error.message = fmt::format("The secret {} cannot be had: {}", name, error.message);
        return error;
      }
      value = *std::move(fetched);
    }
    if (secret.form.as_file) {
      given.files.emplace(name, std::move(value));
    } else if (secret.form.kind == store::SecretKind::plain) {
      given.plain.emplace(name, value.reveal());
    } else {
      given.hidden.emplace(name, std::move(value));
    }
  }
  return given;
}

}  // namespace cupola::secrets
