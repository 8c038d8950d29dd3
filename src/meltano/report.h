#pragma once

/// Collects the faults of one project, and knows the names of the files that marks count by.

#include <string>
#include <vector>

#include "meltano/project.h"
#include "meltano/yaml.h"

namespace cupola::meltano {

class Report {
 public:
  /// Makes a file known; the number is what marks in it carry.
  std::uint32_t add_file(std::string name);
  const std::string& file_name(std::uint32_t file) const { return files_.at(file); }
  Place place(const yaml::Mark& mark) const;

  /// A fault for which official Meltano refuses the project.
  void reject(const yaml::Mark& mark, std::string message, std::string hint);
  /// A fault that shows itself only when the thing is used.
  void warn(const yaml::Mark& mark, std::string message, std::string hint);
  void add(Fault fault);

  /// All of them, by file (in the order of adding), line and column; at most a thousand.
  std::vector<Fault> take();

 private:
  std::vector<std::string> files_;
  std::vector<Fault> faults_;
};

}  // namespace cupola::meltano
