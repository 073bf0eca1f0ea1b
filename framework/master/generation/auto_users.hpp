#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "framework/config/options.hpp"

/// The user ids of pools with `user = auto`. Pure.
namespace prefork::master {

/// Chooses an id of its own for each pool: the one that it has in `running`, else the one derived from its name, or the
/// next free one.
/// @param taken  whether an id belongs to somebody else
/// @return by pool; nullopt for those for which no id is left
std::map<std::string, std::optional<uid_t>> choose_auto_users(const std::vector<std::string>& pools,
                                                              const config::UserRange& range,
                                                              const std::map<std::string, uid_t>& running,
                                                              const std::function<bool(uid_t)>& taken);

}  // namespace prefork::master
