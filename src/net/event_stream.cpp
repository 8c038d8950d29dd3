#include "net/event_stream.h"

namespace cupola::net {

bool EventReader::feed(std::string_view chunk) {
  while (wanted_ && !chunk.empty()) {
    if (after_return_ && chunk.front() == '\n') {  // the second half of "\r\n"
      chunk.remove_prefix(1);
      after_return_ = false;
      continue;
    }
    after_return_ = false;
    const auto end = chunk.find_first_of("\r\n");
    rest_ += chunk.substr(0, end);
    if (end == std::string_view::npos) break;
    after_return_ = chunk[end] == '\r';
    chunk.remove_prefix(end + 1);
    const std::string line = std::move(rest_);
    rest_.clear();
    take_line(line);
  }
  return wanted_;
}

void EventReader::take_line(std::string_view line) {
  if (line.empty()) return dispatch();
  if (line.front() == ':') return;  // a comment, sent to keep the connection open
  const auto colon = line.find(':');
  const std::string_view field = line.substr(0, colon);
  std::string_view value;
  if (colon != std::string_view::npos) value = line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);

  if (field == "data") {
    if (has_data_) event_.data += '\n';
    event_.data += value;
    has_data_ = true;
  } else if (field == "event") {
    event_.name = value;
  } else if (field == "id") {
    event_.id = value;
  }
}

void EventReader::dispatch() {
  if (has_data_) wanted_ = on_event_(event_);
  has_data_ = false;
  event_.name = "message";
  event_.data.clear();
}

}  // namespace cupola::net
