#include "framework/cli/process_title.hpp"

#include <algorithm>
#include <cstring>
#include <span>

namespace prefork::cli {

namespace {

// The kernel reads the title there, whoever has set it.
std::span<char> room;

}  // namespace

void prepare_process_title(int argc, char** argv) noexcept {
  if (argc == 0) return;
  char* const end = argv[argc - 1] + std::strlen(argv[argc - 1]);
  room = {argv[0], static_cast<std::size_t>(end - argv[0])};
}

void set_process_title(std::string_view title) noexcept {
  if (room.empty()) return;
  const std::size_t length = std::min(title.size(), room.size() - 1);
  std::memcpy(room.data(), title.data(), length);
  std::memset(room.data() + length, 0, room.size() - length);
}

}  // namespace prefork::cli
