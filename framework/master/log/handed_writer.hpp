#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace prefork::master {

/// A log writer, as a master hands it to the program that it executes in its place (upgrade).
struct HandedWriter {
  std::string path;
  int read_end = -1;
  int write_end = -1;  ///< -1: it is leaving
  int reports = -1;    ///< read end
  int reporter = -1;   ///< write end
  pid_t pid = -1;      ///< -1: none is running
  int error = 0;
  std::uint64_t lost = 0;
};

}  // namespace prefork::master
