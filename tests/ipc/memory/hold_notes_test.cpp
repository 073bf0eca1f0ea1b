#include "ipc/memory/hold_notes.hpp"

#include <gtest/gtest.h>

namespace prefork::ipc {
namespace {

TEST(HoldNotes, KeepWhatWasServedAndCutIt) {
  const HoldNotes notes("test", 2);
  EXPECT_EQ(notes.read(0).kind, ActivityKind::none);
  notes.write(1, {ActivityKind::request, 3, 77, "GET /" + std::string(200, 'x')});
  const Activity read = notes.read(1);
  EXPECT_EQ(read.kind, ActivityKind::request);
  EXPECT_EQ(read.service, 3);
  EXPECT_EQ(read.since_ns, 77U);
  EXPECT_EQ(read.text, "GET /" + std::string(107, 'x'));
  notes.write(1, {});
  EXPECT_EQ(notes.read(1).kind, ActivityKind::none);
  EXPECT_EQ(notes.read(1).text, "");
}

TEST(HoldNotes, IgnoreWordsThatAreNotThere) {
  const HoldNotes notes("test", 2);
  notes.write(2, {ActivityKind::request, 0, 1, "x"});
  EXPECT_EQ(notes.read(2).text, "");
}

}  // namespace
}  // namespace prefork::ipc
