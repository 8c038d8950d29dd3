#include "api/credit_json.h"

#include <fmt/format.h>

#include "base/plain_json.h"
#include "base/text.h"
#include "store/credits.h"

namespace cupola::api {

using credits::Amount;

json::value number(Amount amount) {
  if (amount.hundredths % 100 == 0) return amount.hundredths / 100;
  return static_cast<double>(amount.hundredths) / 100;
}

json::value or_null(const std::optional<Amount>& amount) {
  return amount ? number(*amount) : json::value();
}

http::Reply plain_reply(int status, const json::object& body) {
  return {.status = status, .body = to_plain_text(body)};
}

std::optional<Amount> amount_in(Body& body, std::string_view name) {
  const json::value value = body.value(name);
  if (value.is_null()) return std::nullopt;
  std::optional<Amount> amount;
  json::error_code error;
  if (value.is_number()) amount = credits::to_amount(value.to_number<double>(error));
  if (!amount) {
    body.refuse(fmt::format(
        "\"{}\" must be a number of credits with at most two decimals, from "
        "-{} to {}.",
        name, credits::to_text(credits::most_entered), credits::to_text(credits::most_entered)));
  }
  return amount;
}

credits::Day month_in(Query& query, Instant now) {
  const credits::Day present = credits::month_of(credits::day_of(now));
  const std::string text = query.text("month");
  if (text.empty()) return present;
  if (const auto month = credits::parse_month(text)) return *month;
  query.refuse("?month= is " + cupola::quoted(text) + ", which is no month.",
               "Write it as 2026-11.");
  return present;
}

std::optional<Error> out_of_credits(const Call& call, db::Session& db) {
  const store::CreditAccount account = store::credit_account_of(db, call.organization());
  if (!account.is_stopped()) return std::nullopt;
  return Error{Error::Kind::conflict,
               fmt::format("The organization {} has no credits left (its balance is {}), and wants "
                           "nothing to start then.",
                           call.member.organization_name, credits::to_text(account.balance())),
               "An owner enters a purchase (`cupola credits add`), or lets runs go on below zero "
               "(`cupola credits set --stop-at-zero no`)."};
}

}  // namespace cupola::api
