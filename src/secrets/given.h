#pragma once

/// What a run is given of its project's and deployment's secrets, once references are fetched.

#include <map>
#include <stop_token>
#include <string>

#include "base/outcome.h"
#include "base/secret.h"
#include "secrets/source.h"
#include "store/secrets.h"

namespace cupola::secrets {

/// By the name of the variable; each stands in one of the three.
struct Given {
  std::map<std::string, Secret> hidden;      ///< its value; masked
  std::map<std::string, std::string> plain;  ///< its value; not masked
  std::map<std::string, Secret> files;       ///< content of the file whose path it holds; masked
};

/// Fetches what lies elsewhere, one after the other, a minute at most for all. `about` as in
/// `fetch`; programs get the name, too, as CUPOLA_SECRET. Errors: those of `fetch`, with the name.
Result<Given> give(const Options& options, std::map<std::string, store::OpenedSecret> opened,
                   const std::map<std::string, std::string>& about,
                   const std::stop_token& stop = {});

}  // namespace cupola::secrets
