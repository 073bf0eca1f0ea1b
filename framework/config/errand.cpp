#include "framework/config/errand.hpp"

#include <utility>

namespace prefork::config {

namespace {

ErrandListener& listener() {
  static ErrandListener one;
  return one;
}

}  // namespace

void begin_errand(const std::string& what) {
  if (listener()) listener()(what);
}

ErrandListener on_errand(ErrandListener next) { return std::exchange(listener(), std::move(next)); }

std::string late_errand(const std::string& what) {
  return what.empty() ? "the configuration takes too long to prepare" : what + " takes too long";
}

}  // namespace prefork::config
