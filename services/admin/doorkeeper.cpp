#include "services/admin/doorkeeper.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace admin {

namespace {

constexpr std::size_t kLeastToken = 16;
constexpr std::size_t kMostToken = 512;

// "[::1]:80" -> "::1", "127.0.0.1:80" -> "127.0.0.1"
std::string without_port(std::string_view authority) {
  if (authority.starts_with('[')) return std::string(authority.substr(1, authority.find(']') - 1));
  return std::string(authority.substr(0, authority.find(':')));
}

bool is_token_character(char c) {
  constexpr std::string_view kOthers = "-._~+/=";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         kOthers.find(c) != std::string_view::npos;
}

bool is_token(std::string_view text) { return std::all_of(text.begin(), text.end(), is_token_character); }

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
  throw std::runtime_error("token-file " + path + ": " + why);
}

class File {
 public:
  explicit File(const std::string& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    if (fd_ == -1) refuse(path, std::strerror(errno));
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { ::close(fd_); }
  int get() const noexcept { return fd_; }

 private:
  int fd_;
};

}  // namespace

bool is_loopback(std::string_view address) {
  if (address.starts_with("unix")) return true;
  const std::string host = without_port(address);
  in6_addr six{};
  in_addr four{};
  if (::inet_pton(AF_INET, host.c_str(), &four) == 1) return (::ntohl(four.s_addr) >> 24) == 127;
  if (::inet_pton(AF_INET6, host.c_str(), &six) != 1) return false;
  return IN6_IS_ADDR_LOOPBACK(&six) != 0 || (IN6_IS_ADDR_V4MAPPED(&six) != 0 && six.s6_addr[12] == 127);
}

bool is_literal_host(std::string_view host) {
  const std::string name = without_port(host);
  std::array<unsigned char, sizeof(in6_addr)> address{};
  return name.empty() || ::strcasecmp(name.c_str(), "localhost") == 0 ||
         ::inet_pton(AF_INET, name.c_str(), address.data()) == 1 ||
         ::inet_pton(AF_INET6, name.c_str(), address.data()) == 1;
}

bool same_secret(std::string_view secret, std::string_view given) noexcept {
  volatile unsigned char difference = secret.size() == given.size() && !secret.empty() ? 0 : 1;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const char expected = secret.empty() ? '\0' : secret[i % secret.size()];
    difference = static_cast<unsigned char>(difference | (expected ^ given[i]));
  }
  return difference == 0;
}

std::optional<std::string_view> bearer_token(std::string_view authorization) {
  constexpr std::string_view kScheme = "bearer";
  if (authorization.size() <= kScheme.size() || authorization[kScheme.size()] != ' ') return std::nullopt;
  for (std::size_t i = 0; i < kScheme.size(); ++i) {
    if ((authorization[i] | 0x20) != kScheme[i]) return std::nullopt;
  }
  authorization.remove_prefix(kScheme.size());
  authorization.remove_prefix(std::min(authorization.find_first_not_of(' '), authorization.size()));
  return authorization;
}

void check_token(std::string_view token, const std::string& origin) {
  const auto refuse = [&](const char* why) { throw std::runtime_error(origin + ": " + why); };
  if (token.size() < kLeastToken || token.size() > kMostToken) refuse("a token has 16 to 512 characters");
  if (!is_token(token)) refuse("a token has letters, digits and -._~+/= only");
}

std::string read_token(const std::string& path) {
  const File file(path);
  struct stat status {};
  if (::fstat(file.get(), &status) == -1) refuse(path, std::strerror(errno));
  if (!S_ISREG(status.st_mode)) refuse(path, "is no file");
  if ((status.st_mode & (S_IRWXO | S_IWGRP)) != 0)
    refuse(path, "all may read it, or others write it: chmod 0640 or 0600");
  std::string text(kMostToken + 2, '\0');
  const ssize_t length = ::read(file.get(), text.data(), text.size());
  if (length == -1) refuse(path, std::strerror(errno));
  text.resize(static_cast<std::size_t>(length));
  if (text.ends_with('\n')) text.pop_back();
  check_token(text, "token-file " + path);
  return text;
}

}  // namespace admin
