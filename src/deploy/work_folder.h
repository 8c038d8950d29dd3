#pragma once

/// A folder for one step of building, gone with the object.

#include "base/files.h"
#include "base/home.h"
#include "base/temp_folder.h"

namespace cupola::deploy {

/// Below the environments, so that it is on their file system. Throws Failure.
inline TempFolder work_folder(const Home& home) {
  make_folder(home.environments());
  return TempFolder(".work", home.environments());
}

}  // namespace cupola::deploy
