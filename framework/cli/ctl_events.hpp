#pragma once

#include <cstdint>
#include <string>
#include <string_view>

/// Formats the master's answers to `events` and `metrics` for preforkctl. Pure.
namespace prefork::cli {

struct Events {
  std::string text;        ///< one line per event: "2026-11-27T14:52:03.123Z notice  TEXT", or the master's JSON
  std::uint64_t next = 0;  ///< the number to ask with next time
};

/// @param line  of an answer that is `ok`. Events that the master no longer has are mentioned in a line of their own.
Events read_events(std::string_view line, bool json);

/// @return the text of the metrics
std::string metrics_of(std::string_view line);

}  // namespace prefork::cli
