// Goal: debuggers find a worker's plugin: gdb on a live worker and on a core, and perf.
#include "tests/system/support/harness.hpp"

namespace prefork::system_test {
namespace {

const std::string kStuck =
    "[pool main]\nworkers = 1\nworker-timeout = 0\n"
    "[service stuck]\nplugin = {plugins}/stuck.so\nlisten = unix:{dir}/s.sock\n";

// A worker that is within its plugin's code for as long as it is looked at.
class Debugger : public testing::Test {
 protected:
  Debugger() : server(kStuck), client(server.ready(1).address("stuck")) {
    client.send("GET /loop HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_TRUE(eventually([&] { return server.worker_list()[0]["serving"].get<std::string>() != ""; }));
    worker = server.workers().at(0);
  }
  ~Debugger() override { server.tell("stop --fast"); }

  static Outcome gdb(std::vector<std::string> words) {
    words.insert(words.begin(), {"gdb", "-nx", "-batch", "-iex", "set debuginfod enabled off"});
    return run({words});
  }
  std::string pid() const { return std::to_string(worker); }

  Server server;
  Client client;
  pid_t worker = -1;
};

TEST_F(Debugger, AttachesToAWorkerAndOpensItsCore) {
  SKIP_UNDER_A_SANITIZER("a sanitizer's own memory is too large to be read");
  SKIP_UNLESS_HAVE("gdb");
  const std::string core = server.dir() / "core";
  const Outcome live =
      gdb({"-p", pid(), "-ex", "bt", "-ex", "info sharedlibrary", "-ex", "generate-core-file " + core});
  if (live.err.find("ptrace: ") != std::string::npos) GTEST_SKIP() << live.err;
  for (const std::string& text : {live.out, gdb({kMaster, core, "-ex", "bt", "-ex", "info sharedlibrary"}).out}) {
    EXPECT_THAT(text, testing::HasSubstr("Stuck::routes("));
    EXPECT_THAT(text, testing::HasSubstr(kTestPlugins + "/stuck.so"));
    EXPECT_THAT(text, testing::HasSubstr("prefork::worker::EventLoop::turn"));  // libprefork.so
  }
}

// As docs/writing-a-service.md has it: perf asks for the file by its build id.
TEST_F(Debugger, PerfFindsTheNamesByTheBuildId) {
  SKIP_UNLESS_HAVE("perf");
  SKIP_UNLESS_HAVE("readelf");
  const std::vector<std::string> environment{"HOME=" + server.dir().path()};
  const std::string data = server.dir() / "perf.data", named = server.dir() / "named.data";
  const std::string plugin = kTestPlugins + "/stuck.so";
  const Outcome recorded =
      run({{"perf", "record", "-e", "cpu-clock", "-o", data, "-p", pid(), "--", "sleep", "0.3"}, environment});
  if (recorded.code != 0) GTEST_SKIP() << "perf is not permitted: " << recorded.err;
  EXPECT_EQ(run({{"perf", "buildid-cache", "--add", plugin}, environment}).code, 0);
  const std::string notes = run({{"readelf", "-n", plugin}}).out;
  const std::string before = "Build ID: ";
  const auto from = notes.find(before) + before.size();
  const std::string id = notes.substr(from, notes.find('\n', from) - from);
  const std::string known = "--known-build-ids=" + id + " /memfd:prefork:" + plugin + " (deleted)";
  EXPECT_EQ(run({{"perf", "inject", "-b", known, "-i", data, "-o", named}, environment}).code, 0);
  EXPECT_THAT(run({{"perf", "report", "--stdio", "-i", named}, environment}).out, testing::HasSubstr("Stuck::routes("));
}

}  // namespace
}  // namespace prefork::system_test
