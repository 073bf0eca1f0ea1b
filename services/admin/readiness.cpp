#include "services/admin/readiness.hpp"

#include <prefork/json.hpp>

namespace admin {

std::string why_not_ready(const prefork::Json& status) {
  if (status.at("master").at("state").text() != "running") return "the server is being stopped";
  std::string why;
  for (const prefork::Json& pool : status.at("pools").items()) {
    if (pool.at("target").integer() == 0 || pool.at("ready").integer() > 0) continue;
    why += (why.empty() ? "no worker is ready in pool " : ", ") + pool.at("name").text();
  }
  return why;
}

}  // namespace admin
