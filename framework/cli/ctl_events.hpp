#pragma once

#include <cstdint>
#include <string>
#include <string_view>

/// What preforkctl makes of the master's answers to `events` and `metrics`. Pure.
namespace prefork::cli {

struct Events {
  std::string text;        ///< a line each: "2026-11-27T14:52:03.123Z notice  TEXT", or JSON as the master gave it
  std::uint64_t next = 0;  ///< what to ask with next time
};

/// @param line  of an answer that is `ok`. Events that the master has no more are told of in a line of their own.
Events read_events(std::string_view line, bool json);

/// @return the text of the metrics.
std::string metrics_of(std::string_view line);

}  // namespace prefork::cli
