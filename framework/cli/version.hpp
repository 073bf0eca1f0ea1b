#pragma once

namespace prefork::cli {

/// The version of the program that these are linked into; part of its text.
extern const char* const kVersion;
extern const char* const kLibraryFolder;  ///< relative to the prefix: "lib/x86_64-linux-gnu"

}  // namespace prefork::cli
