#include "base/outcome.h"

#include <system_error>

namespace cupola {

std::string to_text(const Error& error) {
  if (error.hint.empty()) return error.message;
  return error.message + " (" + error.hint + ")";
}

std::string system_text(int error_number) {
  return std::generic_category().message(error_number);
}

}  // namespace cupola
