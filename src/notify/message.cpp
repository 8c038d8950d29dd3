#include "notify/message.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/digest.h"
#include "base/text.h"

namespace cupola::notify {
namespace {

constexpr std::size_t longest_name = 200;
constexpr std::size_t longest_cause = 1000;
constexpr std::size_t longest_other = 300;
constexpr std::size_t most_others = 20;

std::string one_line(std::string_view text, std::size_t most) {
  std::string line = printable(text);
  std::replace(line.begin(), line.end(), '\n', ' ');
  std::replace(line.begin(), line.end(), '\t', ' ');
  return shortened(line, most);
}

std::string what_of(const store::NotificationEvent& event) {
  if (event.kind == "deploy") return "Deploy";
  if (event.kind == "credits_low") return "Credits";
  if (event.schedule) return one_line(*event.schedule, longest_name);
  return one_line(event.tasks.empty() ? "A run" : join(event.tasks, " "), longest_name);
}

std::string_view verb_of(std::string_view status) {
  if (status == "cancelled") return "was cancelled";
  if (status == "late") return "is late";
  if (status == "low") return "are low";
  return status;
}

std::string headline_of(const store::NotificationEvent& event, std::string_view told) {
  if (event.kind == "test") {
    return "This is a test from Cupola, " + one_line(event.cause.value_or(""), longest_name);
  }
  std::string line = what_of(event);
  if (!event.deployment_name.empty()) {
    line += fmt::format(" {} {} ({})", event.kind == "deploy" ? "of" : "on",
                        one_line(event.deployment_name, longest_name),
                        one_line(event.project_name, longest_name));
  }
  return fmt::format("{} {}", line, verb_of(told));
}

std::string description_of(const store::NotificationEvent& event, std::string_view told) {
  std::string text = headline_of(event, told);
  const bool has_cause = event.cause && !event.cause->empty() && told != "succeeded" &&
                         told != "recovered" && event.kind != "test";
  if (has_cause) text += ": " + one_line(*event.cause, longest_cause);
  return text;
}

/// The codes that the payload knows.
constexpr std::array<std::pair<std::string_view, std::string_view>, 4> reasons = {{
    {"user", "Somebody stopped it."},
    {"superseded", "A newer run took its place."},
    {"deployment_deleted", "Its deployment was deleted."},
    {"shutdown", "The server was shut down."},
}};

CancellationReason cancellation_of(const store::NotificationEvent& event) {
  const std::string code = event.cancel_code.value_or("user");
  const auto* known = std::find_if(reasons.begin(), reasons.end(),
                                   [&](const auto& entry) { return entry.first == code; });
  if (known == reasons.end()) known = reasons.begin();
  const std::string cause = one_line(event.cause.value_or(""), longest_cause);
  return {.code = std::string(known->first),
          .reason = cause.empty() ? std::string(known->second) : cause};
}

}  // namespace

Message message_of(const store::Claim& claim, std::string_view public_url) {
  const store::NotificationEvent& event = claim.event;
  Message message{.delivery = claim.delivery.id.text(),
                  .event = event.id.text(),
                  .event_type = event.kind,
                  .run = event.run ? event.run->text() : event.id.text(),
                  .status = claim.delivery.told,
                  .headline = headline_of(event, claim.delivery.told),
                  .description = description_of(event, claim.delivery.told),
                  .at = event.created_at};
  if (event.status == "cancelled") message.cancellation = cancellation_of(event);
  for (const store::NotificationEvent& other : claim.gathered) {
    if (message.others.size() == most_others) {
      message.others.push_back(fmt::format("and {} more", claim.gathered.size() - most_others));
      break;
    }
    message.others.push_back(shortened(description_of(other, other.status), longest_other));
  }
  if (!claim.gathered.empty()) {
    message.headline = fmt::format("{} failures in a few minutes", claim.gathered.size() + 1);
    message.description = fmt::format("{}: {}", message.headline, message.description);
    for (const std::string& other : message.others) message.description += "; " + other;
  }
  message.subject_key =
      sha256_hex(fmt::format("{}\n{}\n{}\n{}\n{}", event.organization.text(),
                             event.deployment ? event.deployment->text() : "", event.kind,
                             event.schedule.value_or(""), join(event.tasks, "\n")));
  if (!public_url.empty() && event.run) {
    std::string base(public_url);
    while (base.ends_with('/')) base.pop_back();
    message.link = fmt::format("{}/runs/{}", base, event.run->text());
  }
  return message;
}

}  // namespace cupola::notify
