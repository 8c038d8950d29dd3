#include <string_view>

#include "meltano/read.h"

/// Any bytes as a meltano.yml: reading, and making a project of what could be read.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace cupola::meltano;
  Report report;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const yaml::Document document = yaml::parse(text, report.add_file("meltano.yml"));
  if (document.root && document.root->is_mapping()) {
    const Project project = read_project(*document.root, report);
    report.take();
  }
  return 0;
}
