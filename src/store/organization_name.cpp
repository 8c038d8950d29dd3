#include "store/organization_name.h"

#include <fmt/format.h>

#include "base/text.h"
#include "store/names.h"
#include "store/topics.h"

namespace cupola::store {

Result<void> rename_organization(db::Session& db, const OrganizationKey& organization,
                                 std::string_view name) {
  if (const auto checked = check_name("an organization", name); !checked) return checked.error();
  const auto renamed = db.execute(R"sql(
      UPDATE organizations SET name = :name WHERE key = :organization
        AND NOT EXISTS (SELECT 1 FROM organizations o WHERE o.name = :name AND o.key <> :organization))sql",
                                  {{"name", name}, {"organization", organization}});
  if (renamed == 0) {
    return Error{Error::Kind::conflict,
                 fmt::format("There is an organization named {} already.", quoted(name)),
                 "Choose another name."};
  }
  db.tell(topics::people);
  return {};
}

}  // namespace cupola::store
