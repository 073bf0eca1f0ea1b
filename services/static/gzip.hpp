#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace services::static_files {

/// Compresses in the gzip format (RFC 1952); the same bytes give the same result.
/// @return nullopt if it would save less than a tenth. Blocks while it computes: about 20 ms per MiB.
std::optional<std::string> gzip(std::string_view bytes);

}  // namespace services::static_files
