#include "framework/cli/version.hpp"

namespace prefork::cli {

const char* const kVersion = PREFORK_VERSION;
const char* const kLibraryFolder = PREFORK_LIBDIR;

}  // namespace prefork::cli
