#pragma once

/// Identifiers: each kind of thing has a type of its own, so that one cannot stand for another.
///
/// Keys are inner names that never leave the server (foreign keys, file paths, sealing of
/// secrets); ids are what people and programs outside see, and some of them can be rotated.

#include <compare>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace cupola {

/// An opaque text that names one thing of the kind `Tag`. Empty only when default-made.
template <typename Tag>
class Id {
 public:
  Id() = default;
  explicit Id(std::string text) : text_(std::move(text)) {}
  const std::string& text() const { return text_; }
  bool empty() const { return text_.empty(); }
  auto operator<=>(const Id&) const = default;

 private:
  std::string text_;
};

using OrganizationKey = Id<struct OrganizationKeyTag>;
using UserKey = Id<struct UserKeyTag>;
using TokenKey = Id<struct TokenKeyTag>;
using ProjectKey = Id<struct ProjectKeyTag>;
using DeploymentKey = Id<struct DeploymentKeyTag>;
using ReleaseKey = Id<struct ReleaseKeyTag>;
using ScheduleKey = Id<struct ScheduleKeyTag>;
using SecretKey = Id<struct SecretKeyTag>;
/// A run's id is seen outside too: a UUIDv7 as 32 lower-case hex digits, given to Meltano.
using RunId = Id<struct RunIdTag>;

/// A new UUIDv7 as 32 lower-case hex digits: 48 bits of the present time, then random bits.
/// Ids made later by the same process compare greater. Safe from any thread.
std::string new_uuid7();

/// A new text in the shape of a ULID (26 characters, Crockford base 32), all 128 bits random.
std::string new_random_ulid();

/// `count` bytes from the system's generator, as lower-case hex. Throws Failure if it has none.
std::string random_hex(std::size_t count);

/// Whether `text` is 32 lower-case hex digits.
bool is_uuid_hex(std::string_view text);

template <typename IdType>
IdType new_id() {
  return IdType{new_uuid7()};
}

}  // namespace cupola

template <typename Tag>
struct std::hash<cupola::Id<Tag>> {
  std::size_t operator()(const cupola::Id<Tag>& id) const noexcept {
    return std::hash<std::string>{}(id.text());
  }
};
