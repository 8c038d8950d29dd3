#include "notify/payload.h"

#include "base/json.h"
#include "base/text.h"

namespace cupola::notify {
namespace {

constexpr std::size_t longest_summary = 1000;

bool is_bad(std::string_view status) {
  return status == "failed" || status == "late" || status == "low";
}

json::object page(const Message& message) {
  json::value reason;
  if (message.cancellation) {
    reason = {{"code", message.cancellation->code},
              {"reason", json_text(message.cancellation->reason)}};
  }
  return {{"id", message.event},
          {"event_type", message.event_type},
          {"idempotency_key", message.delivery},
          {"data", json::object{{"id", message.run},
                                {"description", json_text(message.description)},
                                {"status", message.status},
                                {"cancellation_reason", std::move(reason)}}}};
}

/// Slack reads <…> as links and mentions, and nothing else once these three are written so.
std::string for_slack(std::string_view text) {
  std::string safe;
  for (const char c : text) {
    if (c == '&') {
      safe += "&amp;";
    } else if (c == '<') {
      safe += "&lt;";
    } else if (c == '>') {
      safe += "&gt;";
    } else {
      safe += c;
    }
  }
  return safe;
}

json::object slack(const Message& message) {
  std::string text = is_bad(message.status)          ? ":red_circle: "
                     : message.status == "cancelled" ? ":white_circle: "
                                                     : ":large_green_circle: ";
  text += for_slack(message.description);
  if (!message.link.empty()) text += "\n<" + for_slack(message.link) + "|the run>";
  return {{"text", json_text(text)}, {"unfurl_links", false}, {"unfurl_media", false}};
}

/// A text block of an Adaptive Card knows some Markdown: links, emphasis, lists.
std::string for_teams(std::string_view text) {
  std::string safe;
  for (const char c : text) {
    if (std::string_view("\\`*_{}[]()<>#+-!|~").find(c) != std::string_view::npos) safe += '\\';
    safe += c;
  }
  return safe;
}

json::object text_block(std::string_view text) {
  return {{"type", "TextBlock"}, {"text", json_text(text)}, {"wrap", true}};
}

json::object teams(const Message& message) {
  json::object head = text_block(for_teams(message.headline));
  head["weight"] = "bolder";
  head["color"] = is_bad(message.status)          ? "attention"
                  : message.status == "cancelled" ? "warning"
                                                  : "good";
  json::object card{
      {"$schema", "http://adaptivecards.io/schemas/adaptive-card.json"},
      {"type", "AdaptiveCard"},
      {"version", "1.4"},
      {"body", json::array{std::move(head), text_block(for_teams(message.description))}}};
  if (!message.link.empty()) {
    card["actions"] = json::array{
        json::object{{"type", "Action.OpenUrl"}, {"title", "The run"}, {"url", message.link}}};
  }
  json::object attachment{{"contentType", "application/vnd.microsoft.card.adaptive"},
                          {"content", std::move(card)}};
  return {{"type", "message"}, {"attachments", json::array{std::move(attachment)}}};
}

/// Events API v2: an incident for each schedule or job, which its next success resolves.
json::object pagerduty(const Message& message, std::string_view routing_key) {
  const bool resolves = message.status == "succeeded" || message.status == "recovered";
  json::object event{
      {"routing_key", json_text(routing_key)},
      {"event_action", resolves ? "resolve" : "trigger"},
      {"dedup_key", message.subject_key},
      {"payload",
       json::object{{"summary", json_text(shortened(message.description, longest_summary))},
                    {"source", "cupola"},
                    {"severity", message.status == "failed" ? "error" : "warning"},
                    {"timestamp", to_rfc3339(message.at)},
                    {"custom_details", page(message)}}}};
  if (!message.link.empty()) {
    event["links"] = json::array{json::object{{"href", message.link}, {"text", "The run"}}};
  }
  return event;
}

}  // namespace

std::string body_of(const Message& message, store::PayloadFormat format,
                    std::string_view routing_key) {
  switch (format) {
    case store::PayloadFormat::page:
      return json::serialize(page(message));
    case store::PayloadFormat::slack:
      return json::serialize(slack(message));
    case store::PayloadFormat::teams:
      return json::serialize(teams(message));
    case store::PayloadFormat::pagerduty:
      return json::serialize(pagerduty(message, routing_key));
  }
  return "";
}

}  // namespace cupola::notify
