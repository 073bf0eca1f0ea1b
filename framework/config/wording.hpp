#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "framework/base/visible.hpp"

/// Parts of the messages of this room.
namespace prefork::config {

using base::in_quotes;

/// @return the candidate with the least edit distance to the word (a swap of neighbours counts as one edit); nullopt:
/// none is near enough to be what the author meant
std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& candidates);

/// @return `; did you mean "workers"?`, or nothing if no candidate is near
std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates);

/// @return the text without spaces and tabs at both ends; a view into the argument
std::string_view trimmed(std::string_view text);

/// @return whether a byte is not allowed in a configuration value, however it is written: every control byte except tab
/// and line feed, which the file can express as \t and \n
bool is_forbidden_byte(char byte);

/// @throws ConfigError that starts with the place if a value has a forbidden byte
void refuse_forbidden_bytes(std::string_view value, const std::string& place);

/// @return whether the text can be a key: letters, digits, '-' and '_', at least one
bool is_key(std::string_view text);

}  // namespace prefork::config
