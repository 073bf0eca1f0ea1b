#pragma once

// The templates of nlohmann::json are compiled once for all files here, in json_once.cpp: in each file they would take
// the compiler as long as the rest of it.
#include <nlohmann/json.hpp>

extern template class nlohmann::basic_json<>;
