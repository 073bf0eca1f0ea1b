// Goal: a secret is in the memory of the master and of its pool's workers, and of no other pool or the fork server,
// however it was given.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <sstream>

#include "ipc/posix/unique_fd.hpp"
#include "tests/system/support/client.hpp"
#include "tests/system/support/harness.hpp"

namespace prefork::system_test {
namespace {

using testing::HasSubstr;
using testing::Not;

/// How the server is given them.
const std::vector<std::string> kSecrets{"in-a-file-5d0c2b91", "in-a-variable-77ae03f4", "in-the-configuration-e19a60d8",
                                        "in-a-variable-of-the-configuration-0b4f93c2"};

/// Which of `texts` the memory of a process contains.
std::vector<std::string> held_by(pid_t pid, const std::vector<std::string>& texts) {
  const std::string proc = "/proc/" + std::to_string(pid);
  const ipc::UniqueFd memory(::open((proc + "/mem").c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_TRUE(memory.is_open()) << pid;
  std::vector<std::string> held;
  std::istringstream maps(read_file(proc + "/maps"));
  for (std::string line; std::getline(maps, line);) {
    std::uint64_t begin = 0, end = 0;
    const auto dash = std::from_chars(line.data(), line.data() + line.size(), begin, 16).ptr;
    const auto space = std::from_chars(dash + 1, line.data() + line.size(), end, 16).ptr;
    if (space[1] != 'r') continue;
    std::string bytes(end - begin, '\0');
    const ssize_t n = ::pread(memory.get(), bytes.data(), bytes.size(), static_cast<off_t>(begin));
    bytes.resize(static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    for (const std::string& text : texts) {
      if (bytes.find(text) != std::string::npos) held.push_back(text);
    }
  }
  return held;
}

std::string good(const std::string& key, const std::string& name) {
  return "[service " + name + "]\nplugin = {plugins}/who.so\npool = good\nlisten = unix:{dir}/" + name +
         ".sock\nkey = " + key + "\n";
}

const std::string kPools =
    "[pool good]\nworkers = 1\n[pool evil]\nworkers = 1\n"
    "[service e]\nplugin = {plugins}/who.so\npool = evil\nlisten = unix:{dir}/e.sock\n";
const std::string kServices =
    kPools + good("file:{dir}/key", "a") + good("env:GOOD_KEY", "b") + good(kSecrets[2], "c") + good("", "d");

Server::How with_secrets() {
  Server::How how;
  how.before = [](const TempDir& dir) {
    write_file(dir / "key", kSecrets[0] + "\n");
    ::chmod((dir / "key").c_str(), 0600);
  };
  how.environment = {"GOOD_KEY=" + kSecrets[1], "PREFORK_SERVICE_D_KEY=" + kSecrets[3], "LATER_KEY=named-later-3fd2"};
  return how;
}

std::string key_of(const Server& server, const std::string& service) {
  Client client(server.address(service));
  const std::string answer = client.send("GET /key HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").receive_to_end();
  return answer.substr(answer.find("\r\n\r\n") + 4);
}

/// A worker of the pool that comes after all that was told to those of the other.
pid_t renewed(const Server& server, const std::string& pool) {
  const pid_t before = server.workers(pool).front();
  ::kill(before, SIGKILL);
  EXPECT_TRUE(eventually([&] {
    const auto workers = server.workers(pool);
    return workers.size() == 1 && workers.front() != before && server.pool(pool)["ready"] == 1;
  }));
  return server.workers(pool).front();
}

void expect_only_in(Server& server, pid_t owner, const std::vector<std::string>& secrets) {
  std::size_t others = 0;
  for (const pid_t pid : server.process().group()) {
    if (pid == server.pid() || pid == owner || !alive(pid)) continue;
    ++others;
    EXPECT_THAT(held_by(pid, secrets), testing::IsEmpty()) << read_file("/proc/" + std::to_string(pid) + "/cmdline");
  }
  EXPECT_EQ(others, 2U) << "the evil worker and the fork server";
}

TEST(Secret, IsInTheMemoryOfItsPoolAlone) {
  SKIP_UNDER_A_SANITIZER("a sanitizer's own memory is too large to be read");
  SKIP_UNLESS_ROOT();
  Server server(kServices, with_secrets());
  server.ready(2);
  const std::string services = "abcd";
  for (std::size_t i = 0; i < services.size(); ++i) EXPECT_EQ(key_of(server, services.substr(i, 1)), kSecrets[i]);
  const pid_t owner = renewed(server, "good");
  EXPECT_FALSE(held_by(owner, {kSecrets[0]}).empty()) << "or this test finds nothing";
  const pid_t evil = renewed(server, "evil");
  std::vector<std::string> all = kSecrets;
  expect_only_in(server, owner, all);

  all.emplace_back("named-later-3fd2");
  EXPECT_FALSE(held_by(evil, all).empty()) << "nobody has said that this variable is one";
  server.configure(kServices + good("env:LATER_KEY", "f"));
  EXPECT_EQ(server.ctl({"reload"}).code, 0);
  EXPECT_EQ(key_of(server, "f"), all.back());
  renewed(server, "good");
  renewed(server, "evil");
  expect_only_in(server, server.workers("good").front(), all);
  EXPECT_TRUE(server.stops_clean());
}

TEST(Secret, IsInNoTextForPeople) {
  Server server(kServices, with_secrets());
  server.ready(2);
  server.configure(kServices + "kye = " + kSecrets[2] + "\n");
  const Outcome refused = server.ctl({"reload"});
  EXPECT_EQ(refused.code, 78);
  EXPECT_THAT(refused.err, HasSubstr("unknown key \"kye\""));
  const std::vector<std::string> environment = with_secrets().environment;
  const Outcome tested = run({{kMaster, "-t", "-c", server.config_path()}, environment});
  EXPECT_EQ(tested.code, 78);
  server.configure(kServices);
  const Outcome printed = run({{kMaster, "-T", "-c", server.config_path()}, environment});
  EXPECT_EQ(printed.code, 0) << printed.err;
  EXPECT_THAT(printed.out, HasSubstr("key = env:GOOD_KEY  # "));
  EXPECT_EQ(count(printed.out, "key = ********  # "), 2U) << printed.out;
  for (const std::string& text :
       {refused.err, tested.err, printed.out, printed.err, server.log(), server.ctl({"status", "--json"}).out}) {
    for (const std::string& secret : kSecrets) EXPECT_THAT(text, Not(HasSubstr(secret)));
  }
  EXPECT_TRUE(server.stops_clean());
}

}  // namespace
}  // namespace prefork::system_test
