#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace services::static_files {

/// Compresses in the gzip format (RFC 1952), the same for the same bytes.
/// @return nullopt where it would not save a tenth
/// Blocks for the time that it takes: some 20 ms for a MiB.
std::optional<std::string> gzip(std::string_view bytes);

}  // namespace services::static_files
