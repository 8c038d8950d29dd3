#pragma once

/// Reads event streams (text/event-stream, HTML standard section 9.2.6) from pieces of any size.

#include <functional>
#include <string>
#include <string_view>

namespace cupola::net {

struct Event {
  std::string name = "message";
  std::string id;  ///< the last id that the stream named, also before this event
  std::string data;
};

class EventReader {
 public:
  using OnEvent = std::function<bool(const Event&)>;

  /// `on_event` is called with each whole event; once it gave false, nothing more is read.
  explicit EventReader(OnEvent on_event) : on_event_(std::move(on_event)) {}

  /// Takes the next piece. False when `on_event` wants no more.
  bool feed(std::string_view chunk);

 private:
  void take_line(std::string_view line);
  void dispatch();

  OnEvent on_event_;
  std::string rest_;  // of a line whose end has not come
  Event event_;
  bool has_data_ = false;
  bool after_return_ = false;
  bool wanted_ = true;
};

}  // namespace cupola::net
