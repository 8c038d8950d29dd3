#include "base/base64.h"

#include <limits>

#include <openssl/evp.h>

#include "base/check.h"

namespace cupola {

std::string to_base64(std::string_view bytes) {
  CUPOLA_CHECK(bytes.size() <= std::numeric_limits<int>::max() / 2);
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                  reinterpret_cast<const unsigned char*>(bytes.data()),
                  static_cast<int>(bytes.size()));
  text.pop_back();  // OpenSSL ends it with a NUL
  return text;
}

}  // namespace cupola
