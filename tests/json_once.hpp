#pragma once

// What nlohmann::json is made of is compiled once for all test programs, with json_once.cpp: in each of the files that
// use it that takes the compiler longer than the rest of the file.
#include <nlohmann/json.hpp>

extern template class nlohmann::basic_json<>;
