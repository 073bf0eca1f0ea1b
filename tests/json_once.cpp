#include "tests/json_once.hpp"

template class nlohmann::basic_json<>;
