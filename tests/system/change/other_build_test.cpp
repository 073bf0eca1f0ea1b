// Goal: a release can follow another one and be rolled back: programs built separately, each with its own runtime and
// plugins, run one after the other in one process, while clients are served.
#include <atomic>
#include <thread>

#include "tests/system/support/good_client.hpp"
#include "tests/system/support/harness.hpp"

namespace prefork::system_test {
namespace {

using testing::HasSubstr;

const std::string kOther = PREFORK_TEST_OTHER;
const std::string kOtherMaster = kOther + "/bin/other_master";
const std::string kForeignMaster = kOther + "/bin/foreign_master";

// Plugins by their names: each program has its own.
constexpr const char* kBoth = R"([pool main]
workers = 2
[service hello]
plugin = hello
listen = tcp://127.0.0.1:0
[pool share]
workers = 2
[service web]
plugin = {plugins}/sharing.so
pool = share
listen = tcp://127.0.0.1:0
)";

/// Asks all the time, keeps its connection as long as the server does, and counts by answer.
class Asking {
 public:
  explicit Asking(const Server& server) : address_(server.address("hello")), thread_([this] { work(); }) {}
  ~Asking() { end(); }
  void end() {
    over_ = true;
    if (thread_.joinable()) thread_.join();
  }
  std::atomic<int> ours{0}, others{0}, failures{0};

 private:
  void work() {
    while (!over_) {
      try {
        Client client(address_);
        while (!over_) {
          const std::string answer = get(client);
          const std::string body = body_of(answer);
          ++(body == "Hello, World!" ? ours : body == "Hello, other World!" ? others : failures);
          if (answer.find("onnection: close") != std::string::npos) break;
        }
      } catch (const std::exception& error) {
        ++failures;
        std::printf("asking: %s\n", error.what());
      }
    }
  }

  Address address_;
  std::atomic<bool> over_ = false;
  std::thread thread_;
};

/// How many workers run with the other build's runtime.
std::ptrdiff_t with_other_runtime(const Server& server) {
  const auto workers = server.workers();
  return std::count_if(workers.begin(), workers.end(), [](pid_t pid) {
    return read_file("/proc/" + std::to_string(pid) + "/maps").find(kOther + "/lib/libprefork.so") != std::string::npos;
  });
}

void expect_upgraded(const Server& server, const std::string& binary, const std::string& sentence) {
  const Outcome upgrade = server.ctl({"upgrade", binary});
  EXPECT_EQ(upgrade.code, 0) << upgrade.err;
  EXPECT_EQ(upgrade.out, sentence + "\n");
}

TEST(OtherBuild, FollowsAndIsBackedOutOf) {
  const auto version = [](const std::string& program) { return run({{program, "--version"}}).out; };
  const std::string own_text = version(kMaster);
  ASSERT_EQ(version(kOtherMaster), "prefork-master 0.2.0-other\n");
  const std::string own = own_text.substr(15, own_text.size() - 16);
  ASSERT_NE(own, "0.2.0-other");

  Server server(kBoth);
  server.ready(4);
  Client sharing(server.address("web"));
  ASSERT_EQ(say(sharing, "put one"), "done");
  ASSERT_EQ(say(sharing, "acquire"), "done");
  Asking asking(server), asking_too(server);
  for (int i = 0; i < 2; ++i) {
    expect_upgraded(server, kOtherMaster, "prefork-master 0.2.0-other takes over from " + own);
    EXPECT_EQ(server.status()["master"]["version"], "0.2.0-other");
    EXPECT_EQ(with_other_runtime(server), 0) << "the old workers go on";
    EXPECT_EQ(greeting(server), "Hello, World!");
    EXPECT_EQ(server.ctl({"reload"}).code, 0) << server.log();
    EXPECT_TRUE(eventually([&] { return with_other_runtime(server) == 4; }));
    EXPECT_EQ(greeting(server), "Hello, other World!");

    expect_upgraded(server, kMaster, "prefork-master " + own + " takes over from 0.2.0-other");
    EXPECT_EQ(server.status()["master"]["version"], own);
    EXPECT_EQ(with_other_runtime(server), 4);
    EXPECT_EQ(greeting(server), "Hello, other World!");
    EXPECT_EQ(server.ctl({"reload"}).code, 0) << server.log();
    EXPECT_TRUE(eventually([&] { return with_other_runtime(server) == 0; }));
    EXPECT_EQ(greeting(server), "Hello, World!");
  }
  for (Asking* each : {&asking, &asking_too}) {
    each->end();
    EXPECT_GT(each->ours, 0);
    EXPECT_GT(each->others, 0);
    EXPECT_EQ(each->failures, 0);
  }
  Client later(server.address("web"));
  EXPECT_EQ(say(later, "get"), "one (1)") << "what was shared has gone through all of it";
  EXPECT_TRUE(server.stops_clean());
}

// What a worker held of shared objects is freed, and its successor belongs to its own generation: the old plugin, in
// the new program.
TEST(OtherBuild, LooksAfterTheWorkersThatItFinds) {
  Server server(kBoth);
  server.ready(4);
  Client sharing(server.address("web"));
  ASSERT_EQ(say(sharing, "put one"), "done");
  ASSERT_EQ(say(sharing, "take"), "one (1)");
  const std::string who = say(sharing, "who");
  EXPECT_EQ(server.ctl({"upgrade", kOtherMaster}).code, 0) << server.log();
  ::kill(std::stoi(who.substr(who.find(' '))), SIGKILL);
  EXPECT_TRUE(server.logged("left 1 message of queue jobs: freed"));
  for (const pid_t worker : server.workers("main")) ::kill(worker, SIGKILL);
  EXPECT_TRUE(server.logged("killed by SIGKILL", 3));
  EXPECT_TRUE(eventually([&] { return with_other_runtime(server) == 3; }));
  server.ready(4);
  EXPECT_EQ(greeting(server), "Hello, World!");
  Client later(server.address("web"));
  EXPECT_EQ(say(later, "get"), "one (2)");
  EXPECT_TRUE(server.stops_clean());
}

TEST(OtherBuild, WithAnotherLayoutIsRefused) {
  Server server(kBoth);
  server.ready(4);
  const auto workers = server.workers();
  Asking asking(server);
  for (int i = 0; i < 2; ++i) {
    const Outcome upgrade = server.ctl({"upgrade", kForeignMaster});
    EXPECT_EQ(upgrade.code, 70);
    EXPECT_THAT(upgrade.err, HasSubstr("goes on: what workers share has another layout: \"prefork-layout-"));
    EXPECT_THAT(upgrade.err, HasSubstr("not \"prefork-layout-of-another-day 1 2 3\""));
    EXPECT_EQ(count(upgrade.err, "\n"), 1U) << upgrade.err;
  }
  EXPECT_EQ(server.workers(), workers);
  asking.end();
  EXPECT_EQ(asking.failures, 0);
  EXPECT_TRUE(server.stops_clean());
}

}  // namespace
}  // namespace prefork::system_test
