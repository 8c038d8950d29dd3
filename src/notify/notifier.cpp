#include "notify/notifier.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/crash_point.h"
#include "base/log.h"
#include "base/text.h"
#include "notify/expand.h"
#include "notify/late.h"
#include "notify/message.h"
#include "notify/payload.h"
#include "notify/retries.h"
#include "notify/signature.h"
#include "store/heartbeats.h"
#include "store/usage.h"

namespace cupola::notify {
namespace {

constexpr std::chrono::milliseconds longest_sleep = 1s;
constexpr std::chrono::milliseconds shortest_sleep = 20ms;
/// Others may take a recipient over that was held for so long: more than an attempt can take.
constexpr std::chrono::milliseconds claim_time = 2min;
constexpr int events_a_step = 100;
constexpr int costs_a_step = 2000;
constexpr std::chrono::milliseconds beat_every = 1min;
/// So that a server whose minute is a little short by the database's clock still gets its own.
constexpr std::chrono::milliseconds beat_slack = 5s;
constexpr std::chrono::milliseconds late_looked_for_every = 1min;

constexpr net::Timeouts webhook_times = {.connect = 10s, .total = 15s};
constexpr std::size_t most_of_a_reply = 64u << 10;
constexpr std::size_t longest_error = 500;

std::optional<std::string> error_of(const store::Claim& claim, const net::Outcome& outcome) {
  if (!outcome.error.empty()) return shortened(outcome.error, longest_error);
  if (claim.notification.type == store::NotificationType::email) return std::nullopt;
  if (outcome.status >= 200 && outcome.status < 300) return std::nullopt;
  if (outcome.status >= 300 && outcome.status < 400) {
    return fmt::format("it answered {}, and redirects are not followed", outcome.status);
  }
  return fmt::format("it answered {}", outcome.status);
}

}  // namespace

Notifier::Notifier(const Dependencies& dependencies, Options options)
    : with_(dependencies),
      options_(std::move(options)),
      loop_("notifier", [this]() -> std::optional<std::chrono::milliseconds> { return step(); }) {
  if (!options_.mail) return;
  invitations_.emplace(InvitationMails::Dependencies{.database = with_.database,
                                                     .vault = with_.vault,
                                                     .clock = with_.clock,
                                                     .courier = courier_},
                       *options_.mail);
}

Notifier::~Notifier() {
  stop();
}

void Notifier::start() {
  stopping_ = false;
  loop_.start();
}

void Notifier::wake() {
  loop_.wake();
  courier_.wake();
}

void Notifier::stop() {
  if (stopping_.exchange(true)) return;
  courier_.wake();
  loop_.stop();
  if (!has_begun_) return;
  try {
    with_.database.write([&](db::Session& db) {
      for (const Ended& one : ended_) {
        store::finish_attempt(db, one.claim, one.attempt, one.after, with_.clock.now());
      }
      store::release_claims(db, options_.worker);
    });
    ended_.clear();
    if (invitations_) invitations_->write_down();
  } catch (const Failure& failure) {
    log_warning("notifier: what was under way is sent again later: {}", failure.what());
  }
}

std::chrono::milliseconds Notifier::step() {
  if (stopping_) return longest_sleep;
  if (!has_begun_) {
    with_.database.write([&](db::Session& db) { store::release_claims(db, options_.worker); });
    has_begun_ = true;
  }
  do_now_and_then();
  for (const store::Claim& claim : take_work()) begin(claim);
  if (invitations_) {
    invitations_->step(options_.at_once - static_cast<int>(courier_.under_way()));
  }
  const Instant now = with_.clock.now();
  if (!ended_.empty()) return 0ms;
  const auto due =
      with_.database.read([&](db::Session& db) { return store::next_delivery_due(db, now); });
  const auto sleep = std::clamp<std::chrono::milliseconds>(due ? *due - now : longest_sleep,
                                                           shortest_sleep, longest_sleep);
  if (courier_.under_way() == 0) return sleep;
  courier_.wait(sleep);
  return 0ms;
}

/// Writes down what has ended, sums up what runs cost (which may tell of a low balance), makes
/// messages of what happened, and takes what is due: one commit.
std::vector<store::Claim> Notifier::take_work() {
  const Instant now = with_.clock.now();
  const int room = options_.at_once - static_cast<int>(courier_.under_way());
  const bool has_work = !ended_.empty() || with_.database.read([&](db::Session& db) {
    if (store::has_open_events(db) || store::has_unsettled_usage(db)) return true;
    const auto due = store::next_delivery_due(db, now);
    return room > 0 && due && *due <= now;
  });
  if (!has_work) return {};
  auto claims = with_.database.write([&](db::Session& db) {
    for (const Ended& one : ended_) {
      if (store::finish_attempt(db, one.claim, one.attempt, one.after, now)) continue;
      log_warning("delivery {}: another server has taken it over", one.claim.delivery.id.text());
    }
    store::settle_usage(db, costs_a_step, now);
    expand_events(db, events_a_step, now);
    if (room <= 0) return std::vector<store::Claim>{};
    return store::claim_recipients(db, options_.worker, room, now, now + claim_time);
  });
  if (!ended_.empty()) crash_point("notify.written");
  if (!claims.empty()) crash_point("notify.claimed");
  ended_.clear();
  return claims;
}

void Notifier::begin(const store::Claim& claim) {
  try {
    if (claim.notification.type == store::NotificationType::email) {
      begin_mail(claim);
    } else {
      begin_webhook(claim);
    }
  } catch (const Failure& failure) {
    log_error("delivery {}: {}", claim.delivery.id.text(), failure.what());
    end(claim, with_.clock.now(), {.error = failure.what()});
  }
}

void Notifier::begin_webhook(const store::Claim& claim) {
  const Instant now = with_.clock.now();
  const auto secret = store::secret_of(with_.vault, claim.notification);
  const bool is_pagerduty = claim.notification.format == store::PayloadFormat::pagerduty;
  const Message message = message_of(claim, options_.public_url);
  net::Request request{.method = "POST",
                       .url = claim.notification.recipient,
                       .headers = {{"Content-Type", "application/json"}},
                       .body = body_of(message, claim.notification.format,
                                       secret && is_pagerduty ? secret->reveal() : ""),
                       .timeouts = webhook_times,
                       .most = most_of_a_reply,
                       .guard = &options_.guard};
  if (secret && !is_pagerduty) {
    for (auto& header : signed_headers(*secret, message.delivery, now, request.body)) {
      request.headers.push_back(std::move(header));
    }
  }
  courier_.send(std::move(request),
                [this, claim, now](const net::Outcome& outcome) { end(claim, now, outcome); });
}

void Notifier::begin_mail(const store::Claim& claim) {
  const Instant now = with_.clock.now();
  if (!options_.mail) {
    end(claim, now, {.error = "this server has no --smtp-url"});
    return;
  }
  net::Mail mail = mail_by(*options_.mail, claim.notification.recipient,
                           mail_text(message_of(claim, options_.public_url), options_.mail->from,
                                     claim.notification.recipient, claim.event.created_at));
  courier_.send(std::move(mail),
                [this, claim, now](const net::Outcome& outcome) { end(claim, now, outcome); });
}

void Notifier::end(const store::Claim& claim, Instant started, const net::Outcome& outcome) {
  crash_point("notify.answered");
  const Instant now = with_.clock.now();
  const bool is_mail = claim.notification.type == store::NotificationType::email;
  const bool is_test = claim.event.kind == "test";
  store::DeliveryAttempt attempt{
      .started_at = started,
      .took = outcome.took,
      .status_code = outcome.status != 0 ? std::optional{outcome.status} : std::nullopt,
      .error = error_of(claim, outcome)};
  auto after = is_mail ? after_mail(claim.delivery, outcome, is_test, now)
                       : after_webhook(claim.delivery, outcome, is_test, now);
  if (after.status == store::DeliveryStatus::failed) {
    log_warning("delivery {} failed for good: {}", claim.delivery.id.text(),
                attempt.error.value_or(""));
  }
  ended_.push_back({.claim = claim, .attempt = std::move(attempt), .after = after});
}

void Notifier::do_now_and_then() {
  const auto time = up_time();
  if ((!next_beat_ || *next_beat_ <= time) && beat()) next_beat_ = time + beat_every;
  if (!next_look_for_late_ || *next_look_for_late_ <= time) {
    next_look_for_late_ = time + late_looked_for_every;
    tell_late_schedules(with_.database, with_.clock.now());
  }
}

/// False while the scheduler does not live; at the start it may come a moment later.
bool Notifier::beat() {
  const bool is_chosen = with_.database.read(store::has_heartbeats);
  if (options_.heartbeat_url.empty() && !is_chosen) return true;
  if (!options_.is_ticking || !options_.is_ticking()) return false;
  const auto ping = [this](const std::string& url, const std::string& whose, const net::Guard* by) {
    courier_.send(
        net::Request{.url = url, .timeouts = webhook_times, .most = most_of_a_reply, .guard = by},
        [whose](const net::Outcome& outcome) {
          if (outcome.error.empty() && outcome.status < 400) return;
          log_warning(
              "the heartbeat of {} was not taken: {}", whose,
              outcome.error.empty() ? fmt::format("answer {}", outcome.status) : outcome.error);
        });
  };
  // The administrator's own address needs no guard.
  if (!options_.heartbeat_url.empty()) ping(options_.heartbeat_url, "the server", nullptr);
  if (!is_chosen) return true;
  const auto claimed = with_.database.write([&](db::Session& db) {
    return store::claim_heartbeats(db, with_.clock.now(), beat_every - beat_slack);
  });
  for (const store::Heartbeat& one : claimed) {
    ping(one.url, "organization " + one.organization.text(), &options_.guard);
  }
  return true;
}

}  // namespace cupola::notify
