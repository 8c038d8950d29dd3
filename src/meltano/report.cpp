#include "meltano/report.h"

#include <algorithm>
#include <tuple>

namespace cupola::meltano {
namespace {
constexpr std::size_t most_faults = 1000;
}

std::uint32_t Report::add_file(std::string name) {
  files_.push_back(std::move(name));
  return static_cast<std::uint32_t>(files_.size() - 1);
}

Place Report::place(const yaml::Mark& mark) const {
  return {files_.at(mark.file), static_cast<int>(mark.line), static_cast<int>(mark.column)};
}

void Report::reject(const yaml::Mark& mark, std::string message, std::string hint) {
  add({place(mark), std::move(message), std::move(hint), true});
}

void Report::warn(const yaml::Mark& mark, std::string message, std::string hint) {
  add({place(mark), std::move(message), std::move(hint), false});
}

void Report::add(Fault fault) {
  // A fault that rejects is never dropped for the number of those that do not.
  if (faults_.size() < most_faults || fault.rejects) faults_.push_back(std::move(fault));
}

std::vector<Fault> Report::take() {
  const auto order = [this](const Fault& fault) {
    const auto file = std::ranges::find(files_, fault.place.file);
    return std::tuple(file - files_.begin(), fault.place.line, fault.place.column);
  };
  std::ranges::stable_sort(faults_, {}, order);
  if (faults_.size() > most_faults) {
    const auto kept = faults_.begin() + static_cast<std::ptrdiff_t>(most_faults);
    std::stable_partition(faults_.begin(), faults_.end(),
                          [](const Fault& fault) { return fault.rejects; });
    faults_.erase(kept, faults_.end());
  }
  return std::move(faults_);
}

}  // namespace cupola::meltano
