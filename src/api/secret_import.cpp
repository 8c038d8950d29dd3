#include <map>

#include <fmt/format.h>

#include "api/audit.h"
#include "api/handlers.h"
#include "api/input.h"
#include "api/secret_owner.h"
#include "base/text.h"
#include "meltano/dotenv.h"
#include "store/secret_names.h"

namespace cupola::api {
namespace {

constexpr std::size_t longest_file = 1u << 20;
constexpr std::size_t most_entries = 1000;
constexpr std::size_t most_faults_told = 20;

/// One to be set: the last of its name.
struct Wanted {
  Secret value;
  int line = 0;
};
using AllWanted = std::map<std::string, Wanted>;

class Reading {
 public:
  Result<AllWanted> read(std::string_view text) {
    const meltano::Dotenv file = meltano::parse_dotenv(text);
    for (const int line : file.faults) refuse(line, "it is no NAME=value");
    for (const meltano::DotenvEntry& entry : file.entries) take(entry);
    if (wanted_.size() > most_entries) {
      return Error{Error::Kind::invalid,
                   fmt::format("The file has more than {} variables.", most_entries)};
    }
    if (faults_.empty()) return std::move(wanted_);
    std::string message = "Nothing was set:";
    std::size_t told = 0;
    for (const auto& [line, fault] : faults_) {
      if (told++ == most_faults_told) {
        message += fmt::format("\nand {} more.", faults_.size() - most_faults_told);
        break;
      }
      message += fmt::format("\nline {}: {}", line, fault);
    }
    return Error{Error::Kind::invalid, std::move(message), "Mend these lines, or take them out."};
  }

 private:
  void refuse(int line, std::string fault) { faults_.emplace(line, std::move(fault)); }

  void take(const meltano::DotenvEntry& entry) {
    if (const auto checked = store::check_secret_name(entry.name); !checked) {
      refuse(entry.line, checked.error().message);
      return;
    }
    if (!entry.value) {
      refuse(entry.line, fmt::format("{} has no value", entry.name));
      return;
    }
    std::string value = meltano::expand_dotenv(
        *entry.value, [&](std::string_view name) -> std::optional<std::string> {
          const auto known = wanted_.find(std::string(name));
          if (known != wanted_.end()) return std::string(known->second.value.reveal());
          refuse(entry.line, fmt::format("{} refers to {}, which is not set above it", entry.name,
                                         cupola::quoted(name)));
          return std::nullopt;
        });
    if (value.find('\0') != std::string::npos || value.size() > (64u << 10)) {
      refuse(entry.line, fmt::format("the value of {} is over 64 KiB or holds a NUL", entry.name));
      return;
    }
    wanted_[entry.name] = {Secret(std::move(value)), entry.line};
  }

  AllWanted wanted_;
  std::multimap<int, std::string> faults_;
};

}  // namespace

/// POST …/secrets/import sets all that a `.env` file has, or nothing.
Result<http::Reply> import_secrets(const Call& call) {
  Body body(call, {"dotenv", "plain"});
  const Secret text(body.text("dotenv", longest_file));
  const store::SecretForm form{.kind = body.flag("plain") ? store::SecretKind::plain
                                                          : store::SecretKind::secret};
  if (body.fault()) return *body.fault();
  const Result<AllWanted> wanted = Reading().read(text.reveal());
  if (!wanted) return wanted.error();

  return write_once(call, [&](db::Session& db) -> Result<http::Reply> {
    const Result<SecretOwner> owner = secret_owner_of(call, db);
    if (!owner) return owner.error();
    json::array items;
    json::array names;
    for (const auto& [name, each] : *wanted) {
      const Result<void> set =
          store::set_secret(db, call.context.vault, call.organization(), owner->project.key,
                            owner->deployment, name, each.value, call.now, form);
      if (!set) throw Failure(to_text(set.error()));  // checked above; undoes what was set
      const Masking masking = masking_of(each.value, form);
      items.push_back({{"name", name}, {"line", each.line}, {"masked", masking.masked}});
      names.emplace_back(name);
    }
    audit(call, db,
          {.action = "secret.import",
           .name = fmt::format("{} variables", names.size()),
           .project = owner->project.name,
           .deployment = owner->deployment_name,
           .after = json::object{{"kind", to_text(form.kind)}, {"names", std::move(names)}}});
    return list_reply("secrets", std::move(items));
  });
}

}  // namespace cupola::api
