// Goal: a worker under an attacker's control harms only its own pool: the master answers, reloads and upgrades, the
// other pools keep serving, and the worker has nothing of theirs in its memory.
#include <array>
#include <random>

#include "tests/system/support/good_client.hpp"
#include "tests/system/support/harness.hpp"

namespace prefork::system_test {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kSecret = "what only the good pool may know";
constexpr const char* kOwn = "what the other pool knows itself";

const std::string kEvil = std::string(R"([service hostile]
plugin = {plugins}/hostile.so
pool = evil
own = )") + kOwn + R"(
listen = tcp://127.0.0.1:0
[pool evil]
workers = 2
user = nobody
limit-core = 0
)";

/// With its bits turned, so that its receiver does not find what it received.
std::string turned(const std::string& text) {
  std::string words = "search";
  for (const char c : text) {
    std::array<char, 4> hex{};
    std::snprintf(hex.data(), hex.size(), " %02x", static_cast<unsigned char>(~c));
    words += hex.data();
  }
  return words;
}

// With a reload or an upgrade every few rounds, as they come.
TEST(Hostile, AWorkerHarmsItsOwnPoolOnly) {
  SKIP_UNLESS_ROOT();
  Server server(kWho + kEvil + "worker-timeout = 1s\n", {.master = "shutdown-timeout = 2s"});
  server.ready(4);
  std::minstd_rand random(static_cast<unsigned>(::getpid()));
  const Address evil = server.address("hostile");
  {
    const GoodClient good(server);
    for (int round = 0; round < 40; ++round) {
      try {
        Client(evil).send("rage 300 " + std::to_string(random()) + "\n").receive(300ms);
      } catch (const std::exception&) {  // it did not live, or will not answer
      }
      EXPECT_EQ(server.pool("main")["ready"], 2) << "the master answers";
      if (round % 4 != 3) continue;
      const Outcome change = round % 8 == 3 ? server.ctl({"reload", "--only", "main"}) : server.ctl({"upgrade"});
      EXPECT_EQ(change.code, 0) << change.err;
    }
  }
  EXPECT_EQ(server.pool("main")["failures"], 0);
  // Its queue says of itself whatever it likes; the operator says that it can go.
  server.configure(kWho);
  const Outcome removed = server.ctl({"reload", "--discard", "hostile.jobs"});
  EXPECT_EQ(removed.code, 0) << removed.err;
  EXPECT_TRUE(server.stops_clean());
}

TEST(Hostile, AWorkerHasNothingOfOtherPoolsInItsMemory) {
  SKIP_UNLESS_ROOT();
  SKIP_UNDER_A_SANITIZER("a sanitizer's own memory is too large to be read");
  Server server(std::string("[pool main]\nworkers = 2\n[service hello]\nplugin = {plugins}/who.so\nlisten = "
                            "tcp://127.0.0.1:0\nanswer = ") +
                kSecret + "\n" + kEvil);
  server.ready(4);
  const auto ask = [&](const std::string& line) {
    return Client(server.address("hostile")).send(line + "\n").receive_until("\n");
  };
  EXPECT_EQ(ask(turned(kOwn)), "found\n");
  EXPECT_EQ(ask(turned(kSecret)), "not found\n");
  const auto look = [&] {
    for (const pid_t worker : server.workers("evil")) {
      const std::string maps = read_file("/proc/" + std::to_string(worker) + "/maps");
      EXPECT_EQ(count(maps, "memfd:prefork:slot"), 1U) << maps;
      EXPECT_EQ(count(maps, "memfd:prefork:seats"), 1U) << maps;
      EXPECT_EQ(count(maps, "memfd:prefork:hello"), 0U) << maps;
      for (const auto& [fd, what] : descriptors_of(worker)) EXPECT_THAT(what, Not(HasSubstr("hello"))) << fd;
    }
  };
  look();
  ASSERT_EQ(server.ctl({"reload"}).code, 0);
  ASSERT_EQ(server.ctl({"upgrade"}).code, 0);
  ASSERT_EQ(server.ctl({"scale", "evil", "3"}).code, 0);
  server.ready(5);
  for (int i = 0; i < 6; ++i) EXPECT_EQ(ask(turned(kSecret)), "not found\n");
  look();
  EXPECT_TRUE(server.stops_clean());
}

}  // namespace
}  // namespace prefork::system_test
