#pragma once

#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

/// Reads the master's answers for the commands of preforkctl, and formats what several of them show in the same words.
/// Pure. A member that is missing or of another type counts as nothing: an empty text, zero, null.
namespace prefork::cli {

/// Keeps the order in which the master wrote it.
using Json = nlohmann::ordered_json;

const Json& member(const Json& object, const char* name);
std::string text(const Json& object, const char* name);
std::uint64_t number(const Json& object, const char* name);
double real(const Json& object, const char* name);
/// From a number of milliseconds.
std::chrono::milliseconds duration(const Json& object, const char* name);

/// "prefork-master 0.1.0, pid 100, generation 3, running, up 3h02m". Not made visible().
std::string headline(const Json& status);
/// "main/3"
std::string worker_name(const Json& worker);
/// What a worker serves and for how long, "12ms hello: GET /x"; empty: nothing.
std::string serving(const Json& worker);

}  // namespace prefork::cli
