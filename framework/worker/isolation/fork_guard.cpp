#include "framework/worker/isolation/fork_guard.hpp"

#include <pthread.h>
#include <unistd.h>

#include <mutex>
#include <utility>

#include "ipc/posix/check.hpp"

namespace prefork::worker {

namespace {

std::mutex mutex;  // another thread may fork meanwhile
std::vector<int> kept;

void lock() { mutex.lock(); }
void unlock() { mutex.unlock(); }
void close_kept() {
  for (const int fd : kept) ::close(fd);
  mutex.unlock();
}

}  // namespace

void keep_from_children(std::vector<int> listeners) {
  static const int error = ::pthread_atfork(&lock, &unlock, &close_kept);
  PREFORK_CHECK(error == 0);
  const std::lock_guard guard(mutex);
  kept = std::move(listeners);
}

}  // namespace prefork::worker
