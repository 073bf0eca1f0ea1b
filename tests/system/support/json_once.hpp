#pragma once

// What nlohmann::json is made of is compiled once for all files here, with json_once.cpp: in each of them it would take
// the compiler as long as the rest of the file.
#include <nlohmann/json.hpp>

extern template class nlohmann::basic_json<>;
