#include "auth/password.h"

#include <sodium.h>

namespace cupola::auth {
namespace {

constexpr std::size_t shortest = 10;
constexpr std::size_t longest = 1024;

void start_sodium() {
  if (::sodium_init() < 0) throw Failure("Cannot hash a password: libsodium did not start.");
}

}  // namespace

Result<std::string> hash_password(const Secret& password) {
  const std::string_view text = password.reveal();
  if (text.size() < shortest || text.size() > longest) {
    return Error{Error::Kind::invalid, "The password must have from 10 to 1,024 bytes."};
  }
  start_sodium();
  char hash[crypto_pwhash_STRBYTES];
  if (::crypto_pwhash_str(hash, text.data(), text.size(), crypto_pwhash_OPSLIMIT_INTERACTIVE,
                          crypto_pwhash_MEMLIMIT_INTERACTIVE) != 0) {
    throw Failure("Cannot hash a password: the 64 MiB of memory that this takes are not free.");
  }
  return std::string(hash);
}

bool is_password(const std::string& hash, const Secret& password) {
  const std::string_view text = password.reveal();
  if (text.size() > longest || hash.size() >= crypto_pwhash_STRBYTES) return false;
  start_sodium();
  return ::crypto_pwhash_str_verify(hash.c_str(), text.data(), text.size()) == 0;
}

}  // namespace cupola::auth
