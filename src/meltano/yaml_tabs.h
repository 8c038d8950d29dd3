#pragma once

/// Finds tabs between tokens. libyaml takes them for blanks; the reader that official Meltano uses
/// does not, and refuses the file.

#include <cstdint>
#include <string_view>
#include <vector>

#include <yaml.h>

#include "meltano/yaml.h"

namespace cupola::meltano::yaml {

/// Is shown each event in turn and looks at the text between the scalars.
class TabWatch {
 public:
  TabWatch(std::string_view text, std::uint32_t file) : text_(text), file_(file) {}

  void see(const yaml_event_t& event);
  /// Looks at what is left after the last event, up to the end of the text or of the reading.
  void finish();
  std::vector<Problem> take() { return std::move(problems_); }

 private:
  void skip_to(std::size_t character);
  void look_to(std::size_t character, bool comments);
  void step();
  void report();

  std::string_view text_;
  std::uint32_t file_;
  std::size_t byte_ = 0;
  std::size_t character_ = 0;
  std::uint32_t line_ = 1;
  std::uint32_t column_ = 1;
  bool ended_ = false;
  std::vector<Problem> problems_;
};

}  // namespace cupola::meltano::yaml
