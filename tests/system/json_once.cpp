#include "tests/system/json_once.hpp"

template class nlohmann::basic_json<>;
