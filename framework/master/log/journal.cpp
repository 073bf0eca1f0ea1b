#include "framework/master/log/journal.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

namespace prefork::master {

bool names_stream(const char* journal_stream, dev_t device, ino_t inode) noexcept {
  return journal_stream != nullptr && journal_stream == std::to_string(device) + ':' + std::to_string(inode);
}

bool stderr_is_journal() noexcept {
  struct stat status {};
  return ::fstat(STDERR_FILENO, &status) == 0 &&
         names_stream(std::getenv("JOURNAL_STREAM"), status.st_dev, status.st_ino);
}

}  // namespace prefork::master
