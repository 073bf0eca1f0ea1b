#include <prefork/http/file_handle.hpp>

#include <unistd.h>

namespace prefork::http {

FileHandle::~FileHandle() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace prefork::http
