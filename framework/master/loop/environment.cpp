#include "framework/master/loop/environment.hpp"

#include <cstdlib>

namespace prefork::master {

std::string take_variable(const char* name) {
  const char* const value = std::getenv(name);
  std::string text = value == nullptr ? "" : value;
  ::unsetenv(name);
  return text;
}

}  // namespace prefork::master
