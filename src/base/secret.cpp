#include "base/secret.h"

#include <cstring>

namespace cupola {

void Secret::wipe() noexcept {
  ::explicit_bzero(text_.data(), text_.capacity());
  text_.clear();
}

}  // namespace cupola
