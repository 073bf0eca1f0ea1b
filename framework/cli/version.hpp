#pragma once

namespace prefork::cli {

/// Of the program that these are linked into; text of the program.
extern const char* const kVersion;
extern const char* const kLibraryFolder;  ///< relative to the prefix: "lib/x86_64-linux-gnu"

}  // namespace prefork::cli
