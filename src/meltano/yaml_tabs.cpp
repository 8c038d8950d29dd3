#include "meltano/yaml_tabs.h"

namespace cupola::meltano::yaml {
namespace {
constexpr std::size_t most_problems = 20;
}

void TabWatch::see(const yaml_event_t& event) {
  if (event.type == YAML_STREAM_END_EVENT) {
    ended_ = true;
    return;
  }
  if (event.type != YAML_SCALAR_EVENT) return;
  look_to(event.start_mark.index, true);
  switch (event.data.scalar.style) {
    case YAML_PLAIN_SCALAR_STYLE:
      look_to(event.end_mark.index, false);
      break;
    case YAML_LITERAL_SCALAR_STYLE:
    case YAML_FOLDED_SCALAR_STYLE: {
      // The line of the sign | or >; what follows is content.
      const std::size_t end = event.end_mark.index;
      while (character_ < end && byte_ < text_.size() && text_[byte_] != '\n') {
        if (text_[byte_] == '#') {
          while (byte_ < text_.size() && text_[byte_] != '\n') step();
          break;
        }
        if (text_[byte_] == '\t') report();
        step();
      }
      break;
    }
    default:
      break;
  }
  skip_to(event.end_mark.index);
}

void TabWatch::finish() {
  if (ended_) look_to(text_.size(), true);
}

void TabWatch::look_to(std::size_t character, bool comments) {
  while (character_ < character && byte_ < text_.size()) {
    if (comments && text_[byte_] == '#') {
      while (byte_ < text_.size() && text_[byte_] != '\n') step();
      continue;
    }
    if (text_[byte_] == '\t') report();
    step();
  }
}

void TabWatch::skip_to(std::size_t character) {
  while (character_ < character && byte_ < text_.size()) step();
}

void TabWatch::step() {
  if (text_[byte_] == '\n') {
    ++line_;
    column_ = 1;
  } else {
    ++column_;
  }
  ++byte_;
  while (byte_ < text_.size() && (static_cast<unsigned char>(text_[byte_]) & 0xC0U) == 0x80U) {
    ++byte_;
  }
  ++character_;
}

void TabWatch::report() {
  if (problems_.size() >= most_problems) return;
  if (!problems_.empty() && problems_.back().mark.line == line_) return;
  problems_.push_back({{file_, line_, column_},
                       "There is a tab where only spaces may stand.",
                       "Indent and separate with spaces, not with tabs."});
}

}  // namespace cupola::meltano::yaml
