#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>

// A library as LD_PRELOAD may load it: it has a thread of its own, at once; or, with $THREAD_DIR, as soon as the
// process calls recvmsg (the fork server does) or recv (the master does) and a file of that name exists.
namespace {

const char* const folder = std::getenv("THREAD_DIR");
bool has_one = false;

void* wait_for_ever(void*) {
  for (;;) ::pause();
}

void start_thread() {
  has_one = true;
  sigset_t all, before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  if (::pthread_create(&thread, nullptr, &wait_for_ever, nullptr) != 0) std::abort();
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

[[gnu::constructor]] void begin() {
  if (std::getenv("THREAD_DIR") == nullptr) start_thread();
}

void called(const char* function) {
  const int before = errno;
  if (folder != nullptr && !has_one && ::access((std::string(folder) + "/" + function).c_str(), F_OK) == 0) {
    start_thread();
  }
  errno = before;
}

}  // namespace

extern "C" {

[[gnu::visibility("default")]] ssize_t recvmsg(int socket, msghdr* message, int flags) {
  static const auto next = reinterpret_cast<ssize_t (*)(int, msghdr*, int)>(::dlsym(RTLD_NEXT, "recvmsg"));
  const ssize_t n = next(socket, message, flags);
  called("recvmsg");
  return n;
}

[[gnu::visibility("default")]] ssize_t recv(int socket, void* bytes, size_t room, int flags) {
  static const auto next = reinterpret_cast<ssize_t (*)(int, void*, size_t, int)>(::dlsym(RTLD_NEXT, "recv"));
  const ssize_t n = next(socket, bytes, room, flags);
  called("recv");
  return n;
}

}  // extern "C"
