#include "ipc/posix/resident_memory.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <vector>

#include "ipc/posix/unique_fd.hpp"

namespace prefork::ipc {
namespace {

TEST(ResidentMemory, GrowsWithWhatIsTouched) {
  constexpr std::uint64_t kMore = 64U << 20;
  const UniqueFd statm(::open("/proc/self/statm", O_RDONLY | O_CLOEXEC));
  const std::uint64_t before = resident_bytes_of(statm.get());
  EXPECT_GT(before, 0U);
  const std::vector<char> touched(kMore, 'x');
  EXPECT_GE(resident_bytes_of(statm.get()), before + kMore / 2) << touched.size();
  EXPECT_GE(resident_bytes(::getpid()), before + kMore / 2);
}

TEST(ResidentMemory, IsNothingOfWhoIsNotThere) {
  EXPECT_EQ(resident_bytes(-1), 0U);
  EXPECT_EQ(resident_bytes_of(-1), 0U);
}

}  // namespace
}  // namespace prefork::ipc
