#include "framework/cli/build_id.hpp"

#include <elf.h>
#include <link.h>

#include <cstring>
#include <string_view>

#include "ipc/contract/shared_layout.hpp"

namespace prefork::cli {

namespace {

constexpr std::size_t round_up(std::size_t bytes) noexcept { return (bytes + 3) & ~std::size_t{3}; }

/// Adds the id from a section of notes, if there is one.
void append_id(const char* notes, std::size_t bytes, std::string& ids) {
  constexpr std::string_view digits = "0123456789abcdef";
  for (std::size_t at = 0; at + sizeof(ElfW(Nhdr)) <= bytes;) {
    ElfW(Nhdr) note;
    std::memcpy(&note, notes + at, sizeof note);
    const char* const name = notes + at + sizeof note;
    const char* const id = name + round_up(note.n_namesz);
    if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && std::memcmp(name, "GNU", 4) == 0) {
      for (std::size_t i = 0; i < note.n_descsz; ++i) {
        ids += digits[static_cast<unsigned char>(id[i]) >> 4U];
        ids += digits[static_cast<unsigned char>(id[i]) & 15U];
      }
      ids += ' ';
    }
    at += sizeof note + round_up(note.n_namesz) + round_up(note.n_descsz);
  }
}

int visit(dl_phdr_info* object, std::size_t, void* ids) {
  const std::string_view name = object->dlpi_name;
  const bool is_own = name.empty() || name.find("/libprefork.so") != std::string_view::npos;  // the program has no name
  for (ElfW(Half) i = 0; is_own && i < object->dlpi_phnum; ++i) {
    const auto& segment = object->dlpi_phdr[i];
    if (segment.p_type != PT_NOTE) continue;
    append_id(reinterpret_cast<const char*>(object->dlpi_addr + segment.p_vaddr), segment.p_memsz,
              *static_cast<std::string*>(ids));
  }
  return 0;
}

}  // namespace

std::string build_id() {
  std::string ids;
  ::dl_iterate_phdr(&visit, &ids);
  return ids + ipc::shared_layout();
}

}  // namespace prefork::cli
