#include "framework/master/generation/sealed_files.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sysexits.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <stdexcept>
#include <utility>

#include "framework/master/generation/inspector.hpp"
#include "framework/master/loop/startup_error.hpp"
#include "ipc/memory/shared_memory.hpp"
#include "ipc/posix/passed_descriptors.hpp"
#include "ipc/posix/syscall.hpp"

namespace prefork::master {

namespace {

namespace fs = std::filesystem;

static_assert(kMaxSealedFiles <= ipc::kMostPassed, "they come in one message");

constexpr char kNameEnd = '\n';

void add(std::set<std::string>& files, const std::string& path) {
  const bool is_printable = std::none_of(path.begin(), path.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
  if (!is_printable) throw std::runtime_error("a file's name has control characters");
  files.insert(path);
  if (files.size() > kMaxSealedFiles) {
    throw std::runtime_error("more than " + std::to_string(kMaxSealedFiles) + " files");
  }
}

std::set<std::string> files_of(const std::vector<std::string>& paths) {
  std::set<std::string> files;
  for (const std::string& path : paths) {
    if (!fs::is_directory(path)) {
      add(files, path);
      continue;
    }
    for (const auto& entry : fs::recursive_directory_iterator(path)) {
      if (entry.is_regular_file()) add(files, entry.path().string());
    }
  }
  return files;
}

std::size_t bytes_of(const ipc::UniqueFd& copy) {
  struct stat status {};
  ipc::check_syscall(::fstat(copy.get(), &status), "fstat of a sealed copy");
  return static_cast<std::size_t>(status.st_size);
}

/// In the child. @return the names; the copies are sent
std::string copy_and_send(const std::vector<std::string>& paths, int socket) {
  const std::vector<SealedFile> files = copy_files(paths);
  std::string names;
  std::vector<int> copies;
  for (const SealedFile& file : files) {
    names += file.name + kNameEnd;
    copies.push_back(file.copy.get());
  }
  char byte = 0;
  iovec part{&byte, 1};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  ipc::PassedSpace space{};
  ipc::pass_descriptors(message, space, copies);
  ipc::check_syscall(ipc::retry_eintr([&] { return ::sendmsg(socket, &message, MSG_NOSIGNAL); }), "sendmsg");
  return names;
}

std::vector<ipc::UniqueFd> receive_copies(int socket) {
  std::vector<ipc::UniqueFd> copies;
  char byte = 0;
  iovec part{&byte, 1};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  ipc::PassedSpace space{};
  message.msg_control = space.bytes;
  message.msg_controllen = sizeof space.bytes;
  const ssize_t got = ipc::retry_eintr([&] { return ::recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC); });
  ipc::check_syscall(got, "recvmsg");
  ipc::take_descriptors(message, copies);
  return copies;
}

}  // namespace

std::vector<SealedFile> copy_files(const std::vector<std::string>& paths) {
  std::vector<SealedFile> files;
  std::size_t room = kMaxSealedBytes;
  for (const std::string& path : files_of(paths)) {
    try {
      files.push_back({path, ipc::sealed_copy(path, room)});
    } catch (const std::length_error&) {
      throw std::runtime_error("more than " + std::to_string(kMaxSealedBytes) + " bytes, with " + path);
    }
    room -= bytes_of(files.back().copy);
  }
  return files;
}

std::vector<SealedFile> seal_files(const std::string& subject, const std::vector<std::string>& paths,
                                   const ipc::Identity& identity) {
  if (paths.empty()) return {};
  int ends[2];
  ipc::check_syscall(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), "socketpair");
  const ipc::UniqueFd ours(ends[0]), theirs(ends[1]);
  Inspector::Limits limits;
  limits.run_as = identity;
  const std::string names = Inspector(limits).run(subject, theirs.get(), [&] {
    try {
      return copy_and_send(paths, theirs.get());
    } catch (const std::exception& error) {
      throw std::runtime_error(subject + " can't have its files sealed: " + error.what());
    }
  });
  std::vector<ipc::UniqueFd> copies;
  if (!names.empty()) copies = receive_copies(ours.get());
  // The kernel leaves out the copies for which this process has no descriptor.
  if (copies.size() != static_cast<std::size_t>(std::count(names.begin(), names.end(), kNameEnd))) {
    throw StartupError(EX_OSERR, subject + " can't have its files sealed: they did not all come (RLIMIT_NOFILE)");
  }
  std::vector<SealedFile> files;
  for (std::size_t from = 0; files.size() < copies.size();) {
    const std::size_t end = names.find(kNameEnd, from);
    files.push_back({names.substr(from, end - from), std::move(copies[files.size()])});
    from = end + 1;
  }
  return files;
}

}  // namespace prefork::master
