#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <prefork/http.hpp>
#include <string>

extern char** environ;

namespace {

namespace http = prefork::http;

char program[] = "/bin/grep", words[] = "^Sig[BI]", file[] = "/proc/self/status";
char* const arguments[] = {program, words, file, nullptr};

void execute(int output) {
  ::dup2(output, 1);
  ::execve(program, arguments, environ);
  ::_exit(127);
}

pid_t spawn(int output) {
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, output, 1);
  pid_t pid = -1;
  ::posix_spawn(&pid, program, &actions, nullptr, arguments, environ);
  ::posix_spawn_file_actions_destroy(&actions);
  return pid;
}

pid_t start_program(std::string_view way, int output) {
  if (way == "spawn") return spawn(output);
  const pid_t pid = way == "vfork" ? ::vfork() : ::fork();
  if (pid == 0) execute(output);
  return pid;
}

std::string read_to_end(int fd) {
  std::string all;
  char chunk[512];
  for (ssize_t n; (n = ::read(fd, chunk, sizeof chunk)) > 0;) all.append(chunk, static_cast<std::size_t>(n));
  return all;
}

/// Starts programs that show what signals they ignore and block, in the way that is asked for; forks children.
class Starter final : public http::Service {
 public:
  static void describe(prefork::Manifest&) {}

 private:
  void routes(http::Router& router) override {
    router.get("/start/{way}", [](http::Request& request) {
      int ends[2];
      if (::pipe2(ends, O_CLOEXEC) == -1) return http::Response::error(http::Status::internal_server_error);
      const pid_t pid = start_program(request.param("way"), ends[1]);
      ::close(ends[1]);
      const std::string shown = read_to_end(ends[0]);
      ::close(ends[0]);
      ::waitpid(pid, nullptr, 0);
      return http::Response::text(shown);
    });
    router.get("/popen", [](http::Request&) {
      std::FILE* const pipe = ::popen("exec /bin/grep '^Sig[BI]' /proc/self/status", "re");
      const std::string shown = read_to_end(::fileno(pipe));
      ::pclose(pipe);
      return http::Response::text(shown);
    });
    // A child that executes nothing, and is sent a signal.
    router.get("/fork/{signal}", [](http::Request& request) {
      const pid_t pid = ::fork();
      if (pid == 0) {
        for (;;) ::pause();
      }
      ::kill(pid, std::stoi(std::string(request.param("signal"))));
      int status = 0;
      ::waitpid(pid, &status, 0);
      return http::Response::text(std::to_string(WIFSIGNALED(status) ? WTERMSIG(status) : 0));
    });
    // One that goes its own way, whatever becomes of the server. Its pid is answered.
    router.get("/leave", [](http::Request&) {
      const pid_t pid = ::fork();
      if (pid == 0) {
        ::setsid();
        ::close(0), ::close(1), ::close(2);
        for (;;) ::pause();
      }
      return http::Response::text(std::to_string(pid));
    });
  }
};

}  // namespace

PREFORK_SERVICE(Starter)
