#pragma once

#include <string>

#include "ipc/unique_fd.hpp"

namespace prefork::master {

/// Opens a file to append to, made with mode 0640 where it is not there. @return closed for "stderr"
/// @throws std::system_error "open PATH: ..."
ipc::UniqueFd open_access_log(const std::string& path);

/// The life of a log writer, in a freshly forked child of the master: appends what comes out of the pipe to the file,
/// opens it anew at SIGUSR1, ends when nobody holds the pipe's other end. What can't be written is dropped, and said on
/// standard error when that begins and ends.
[[noreturn]] void run_log_writer(int pipe, const std::string& path) noexcept;

}  // namespace prefork::master
