#include <array>
#include <cstddef>
#include <new>

#include <prefork/task.hpp>

// Coroutine frames: free lists by size, in steps of 64 bytes. A frame is freed in the thread that made
// it, because a worker's coroutines never leave their thread.
namespace prefork::detail {

namespace {

constexpr std::size_t kStep = 64;
constexpr std::size_t kClasses = 32;  // up to 2 KiB; larger frames are left to operator new
constexpr unsigned kMaxSpare = 256;   // per class

struct FreeFrame {
  FreeFrame* next;
};

struct FreeList {
  FreeFrame* first = nullptr;
  unsigned length = 0;
};

thread_local constinit std::array<FreeList, kClasses> free_lists{};

constexpr std::size_t class_of(std::size_t bytes) noexcept { return (bytes - 1) / kStep; }

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kReuse = false;  // so that a use after free is noticed
#else
constexpr bool kReuse = true;
#endif

}  // namespace

void* allocate_frame(std::size_t bytes) {
  const std::size_t index = class_of(bytes);
  if (!kReuse || index >= kClasses) return ::operator new(bytes);
  FreeList& list = free_lists[index];
  if (list.first == nullptr) return ::operator new((index + 1) * kStep);
  FreeFrame* frame = list.first;
  list.first = frame->next;
  --list.length;
  return frame;
}

void free_frame(void* frame, std::size_t bytes) noexcept {
  const std::size_t index = class_of(bytes);
  if (!kReuse || index >= kClasses || free_lists[index].length >= kMaxSpare) {
    ::operator delete(frame);
    return;
  }
  FreeList& list = free_lists[index];
  list.first = new (frame) FreeFrame{list.first};
  ++list.length;
}

}  // namespace prefork::detail
