#include "framework/master/report/shared_report.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace prefork::master {
namespace {

using nlohmann::json;

TEST(SharedReport, ObjectsAreOneLineOfJson) {
  SharedStatus jobs{"web.jobs", "queue", "8 x 64 bytes", 1280, 3, 8, 1, {{"main/0", 2}}, 4, 5, {{"expired", 6}}};
  const std::string line = ipc_answer({jobs});
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  EXPECT_EQ(json::parse(line), json::parse(R"({
    "ok": true,
    "objects": [{"name": "web.jobs", "kind": "queue", "shape": "8 x 64 bytes", "bytes": 1280, "fill": 3, "limit": 8,
                 "waiters": 1, "holders": [{"worker": "main/0", "count": 2}], "more_holders": 4, "repairs": 5,
                 "losses": {"expired": 6}}]
  })"));
  EXPECT_EQ(ipc_answer({}), "{\"ok\":true,\"objects\":[]}\n");
}

TEST(SharedReport, DeadLettersAreOneLineOfJson) {
  const std::string line = dead_letters_answer("web.jobs", 9, {{UINT64_MAX, 5, 2000, "a\\x00\"b"}});
  EXPECT_EQ(json::parse(line), json::parse(R"({
    "ok": true, "queue": "web.jobs", "total": 9,
    "letters": [{"number": 18446744073709551615, "deliveries": 5, "bytes": 2000, "start": "a\\x00\"b"}]
  })"));
}

}  // namespace
}  // namespace prefork::master
