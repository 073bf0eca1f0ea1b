#include <prefork/http/form.hpp>

#include <unistd.h>

#include <utility>

#include "framework/http/body/nameless_file.hpp"

namespace prefork::http {

UploadedFile::UploadedFile(Content content) noexcept : content_(std::move(content)) {}
UploadedFile::UploadedFile(UploadedFile&& other) noexcept : content_(std::move(other.content_)) {
  other.content_.fd = -1;
}
UploadedFile& UploadedFile::operator=(UploadedFile&& other) noexcept {
  std::swap(content_, other.content_);
  return *this;
}
UploadedFile::~UploadedFile() {
  if (content_.fd >= 0) ::close(content_.fd);
}

bool UploadedFile::save_as(const std::string& path, Existing existing) const {
  return save_file(content_.fd, content_.size, path, existing);
}

}  // namespace prefork::http
