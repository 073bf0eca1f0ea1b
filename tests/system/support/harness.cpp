#include "tests/system/support/harness.hpp"

#include <dirent.h>
#include <pwd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stdexcept>
#include <utility>

namespace prefork::system_test {

const std::string kMaster = PREFORK_TEST_MASTER;
const std::string kCtl = PREFORK_TEST_CTL;
const std::string kPlugins = PREFORK_TEST_PLUGINS;
const std::string kTestPlugins = PREFORK_TEST_OWN_PLUGINS;

namespace {

std::string fill_in(std::string text, const std::string& name, const std::string& value) {
  for (auto at = text.find(name); at != std::string::npos; at = text.find(name, at + value.size())) {
    text.replace(at, name.size(), value);
  }
  return text;
}

}  // namespace

std::optional<uid_t> other_user() {
  const passwd* entry = ::getpwnam("www-data");
  if (entry == nullptr || ::geteuid() != 0) return std::nullopt;
  const uid_t user = entry->pw_uid;
  if (run({{kMaster, "--version"}, {}, user, {}}).code == 0) return user;
  std::printf("skipped: another user can't reach %s\n", kMaster.c_str());
  return std::nullopt;
}

Server::Server(const std::string& sections, const How& how) : how_(how) {
  configure(sections, how_.master);
  if (how_.before) how_.before(dir_);
  start();
}

void Server::configure(const std::string& sections, const std::string& master) const {
  std::string text = "[master]\ncontrol = {dir}/control.sock\npid-file = {dir}/master.pid\n" + master + "\n" + sections;
  text = fill_in(std::move(text), "{dir}", dir_.path());
  text = fill_in(std::move(text), "{plugins}", kTestPlugins);
  write_file(config_path(), text);
}

Server::~Server() {
  if (testing::Test::HasFailure()) std::printf("--- log of %s\n%s---\n", dir_.path().c_str(), log().c_str());
}

std::unique_ptr<Process> Server::start() {
  std::vector<std::string> argv, environment;
  for (const std::string& word : how_.launcher) argv.push_back(fill_in(word, "{dir}", dir_.path()));
  argv.insert(argv.end(), {kMaster, "-c", config_path()});
  for (const std::string& argument : how_.arguments) argv.push_back(fill_in(argument, "{dir}", dir_.path()));
  for (const std::string& variable : how_.environment) environment.push_back(fill_in(variable, "{dir}", dir_.path()));
  return std::exchange(process_, std::make_unique<Process>(Command{argv, environment, how_.user, how_.descriptors},
                                                           dir_ / "stdout", dir_ / "stderr"));
}

Server& Server::ready(unsigned workers, const std::string& pool) {
  const auto count_ready = [&] {
    if (process_->wait(0ms)) throw std::runtime_error("the master has ended: " + log());
    try {
      unsigned count = 0;
      const Json now = status();
      for (const auto& each : now["pools"]) {
        if (pool.empty() || each["name"] == pool) count += each["ready"].get<unsigned>();
      }
      return count == workers;
    } catch (const std::runtime_error&) {
      return false;  // not yet bound
    }
  };
  if (!eventually(count_ready)) throw std::runtime_error("workers are not ready in time: " + log());
  return *this;
}

Json Server::tell(const std::string& command) const {
  Client client(Address("unix:" + control_path()));
  client.send(command + "\n");
  std::string answer;
  while (!answer.ends_with("\n")) {
    const std::string chunk = client.receive();
    if (chunk.empty()) throw std::runtime_error("the master gave no answer to " + command);
    answer += chunk;
  }
  return Json::parse(answer);
}

Json Server::pool(const std::string& name) const {
  const Json now = status();
  for (const auto& each : now["pools"]) {
    if (each["name"] == name) return each;
  }
  throw std::runtime_error("no pool " + name);
}

std::vector<pid_t> Server::workers(const std::string& pool) const {
  std::vector<pid_t> pids;
  const Json now = status();
  for (const auto& worker : now["workers"]) {
    if (pool.empty() || worker["pool"] == pool) pids.push_back(worker["pid"].get<pid_t>());
  }
  return pids;
}

Address Server::address(const std::string& service, std::size_t nth) const {
  const Json now = status();
  for (const auto& listener : now["listeners"]) {
    if (listener["service"] == service && nth-- == 0) return Address(listener["address"].get<std::string>());
  }
  throw std::runtime_error("no listener of " + service);
}

Outcome Server::ctl(std::vector<std::string> words) const {
  words.insert(words.begin(), {kCtl, "-s", control_path()});
  return run({words, {}, {}, {}});
}

testing::AssertionResult Server::logged(const std::string& text, std::size_t times) const {
  if (eventually([&] { return count(log(), text) >= times; })) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "the log has \"" << text << "\" " << count(log(), text) << " times, not "
                                     << times;
}

int Server::wait_exit(milliseconds patience) {
  const auto status = process_->wait(patience);
  if (!status) return -1000;
  return WIFEXITED(*status) ? WEXITSTATUS(*status) : -WTERMSIG(*status);
}

testing::AssertionResult Server::left_nothing() {
  if (!process_->group_gone(2s))
    return testing::AssertionFailure() << process_->group().size() << " processes are left";
  if (exists(control_path())) return testing::AssertionFailure() << "the control socket is left";
  if (exists(pid_path())) return testing::AssertionFailure() << "the pid file is left";
  DIR* const folder = ::opendir(dir_.path().c_str());
  std::string sockets;
  while (const dirent* entry = ::readdir(folder)) {
    if (entry->d_type == DT_SOCK) sockets += std::string(" ") + entry->d_name;
  }
  ::closedir(folder);
  if (!sockets.empty()) return testing::AssertionFailure() << "sockets are left:" << sockets;
  return testing::AssertionSuccess();
}

testing::AssertionResult Server::stops_clean() {
  signal(SIGTERM);
  if (const int code = wait_exit(); code != 0) return testing::AssertionFailure() << "exit code " << code;
  return left_nothing();
}

std::string own_host() {
  const auto pid = static_cast<unsigned>(::getpid());
  return "127." + std::to_string(64 + pid / 60000 % 128) + "." + std::to_string(pid / 250 % 240) + "." +
         std::to_string(1 + pid % 250);
}

Outcome start_with(const TempDir& dir, const std::string& text, std::vector<std::string> arguments,
                   std::optional<uid_t> user) {
  write_file(dir / "prefork.conf", fill_in(fill_in(text, "{dir}", dir.path()), "{plugins}", kTestPlugins));
  arguments.insert(arguments.begin(), {kMaster, "-c", dir / "prefork.conf"});
  return run({arguments, {}, user, {}}, 30s);
}

}  // namespace prefork::system_test
