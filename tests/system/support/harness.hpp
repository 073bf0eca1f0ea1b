#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tests/system/support/client.hpp"
#include "tests/system/support/process.hpp"

/// Starts, inspects and stops the real prefork-master.
namespace prefork::system_test {

using Json = nlohmann::json;

extern const std::string kMaster;  ///< the programs' paths
extern const std::string kCtl;
extern const std::string kPlugins;      ///< the folder of the services' plugins
extern const std::string kTestPlugins;  ///< the folder of this suite's plugins

#define SKIP_UNLESS_ROOT() \
  if (::geteuid() != 0) GTEST_SKIP() << "needs root"
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SKIP_UNDER_A_SANITIZER(why) GTEST_SKIP() << (why)
#else
#define SKIP_UNDER_A_SANITIZER(why) static_cast<void>(0)
#endif
#define SKIP_UNLESS_HAVE(program) \
  if (!have(program)) GTEST_SKIP() << "needs " << (program)

/// A user that is not root and can reach the programs; nullopt: there is none.
std::optional<uid_t> other_user();

/// How many sockets every master of a small server has besides its listeners and the control socket: both ends of 64
/// bells, and that of the fork server, which runs since the configuration was tested.
constexpr int kMastersOwnSockets = 2 * 64 + 1;

class Server {
 public:
  struct How {
    std::string master{};                  ///< more lines of [master]
    std::vector<std::string> arguments{};  ///< further sections; `{dir}` is filled in
    std::optional<uid_t> user{};
    std::optional<rlim_t> descriptors{};
    std::function<void(const TempDir&)> before{};  ///< files that must exist before the start
    std::vector<std::string> launcher{};           ///< a program, with arguments, that becomes the master
    std::vector<std::string> environment{};        ///< NAME=VALUE; as arguments
  };

  /// Starts a master with a [master] section of its own, followed by `sections`, in which `{dir}` and `{plugins}` stand
  /// for the test's folder and that of the test plugins.
  explicit Server(const std::string& sections) : Server(sections, How{}) {}
  Server(const std::string& sections, const How& how);
  ~Server();

  /// Rewrites the configuration for a reload; `master` stands for the same lines as at the start.
  void configure(const std::string& sections) { configure(sections, how_.master); }
  void configure(const std::string& sections, const std::string& master) const;
  /// Starts another master with the same configuration. @return what is left of the previous one
  std::unique_ptr<Process> start();
  /// Waits until this many workers of a pool (or of all) are ready. @return itself
  Server& ready(unsigned workers, const std::string& pool = "");

  const TempDir& dir() const noexcept { return dir_; }
  pid_t pid() const noexcept { return process_->pid(); }
  Process& process() noexcept { return *process_; }
  std::string config_path() const { return dir_ / "prefork.conf"; }
  std::string control_path() const { return dir_ / "control.sock"; }
  std::string pid_path() const { return dir_ / "master.pid"; }

  /// The answer to a command on the control socket.
  Json tell(const std::string& command) const;
  Json status() const { return tell("status"); }
  Json pool(const std::string& name = "main") const;
  Json worker_list() const { return status()["workers"]; }
  std::vector<pid_t> workers(const std::string& pool = "") const;
  /// The address that a service's nth listener is bound to.
  Address address(const std::string& service, std::size_t nth = 0) const;
  /// Runs preforkctl.
  Outcome ctl(std::vector<std::string> words) const;

  std::string log() const { return read_file(dir_ / "stderr"); }
  /// Waits until the log contains the text this many times.
  testing::AssertionResult logged(const std::string& text, std::size_t times = 1) const;

  void signal(int number) const { process_->signal(number); }
  /// Waits for the master's end. @return exit code; -SIGNAL; -1000: not in time
  int wait_exit(milliseconds patience = kPatience);
  /// Whether nothing is left of an ended master: no process, and no file except those of the test.
  testing::AssertionResult left_nothing();
  /// Stops it by SIGTERM and checks that it ends with 0 and leaves nothing behind.
  testing::AssertionResult stops_clean();

 private:
  TempDir dir_;
  How how_;
  std::unique_ptr<Process> process_;
};

/// An address of the loopback network that no other test uses at the same time: its ports are free.
std::string own_host();

/// Starts a master that is expected to refuse. The configuration is exactly `text`.
Outcome start_with(const TempDir& dir, const std::string& text, std::vector<std::string> arguments = {},
                   std::optional<uid_t> user = std::nullopt);

}  // namespace prefork::system_test
