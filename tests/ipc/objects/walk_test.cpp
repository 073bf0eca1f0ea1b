#include "ipc/objects/walk.hpp"

#include <gtest/gtest.h>

#include "ipc/objects/semaphore.hpp"
#include "ipc/objects/shared_object.hpp"

namespace prefork::ipc {
namespace {

TEST(Spots, APieceEndsWithTheObject) {
  EXPECT_EQ((Spots{0, 4}.end(10)), 4U);
  EXPECT_EQ((Spots{8, 4}.end(10)), 10U);
  EXPECT_EQ((Spots{12, 4}.end(10)), 12U) << "nothing is left to look at";
  EXPECT_EQ(Spots::all().end(10), 10U);
}

TEST(OwnerSet, HasWhatWasPutIntoIt) {
  OwnerSet owners;
  EXPECT_TRUE(owners.empty());
  EXPECT_FALSE(owners.contains(kNobody));
  for (const Owner owner : {Owner{1}, Owner{64}, Owner{65535}, Owner{64}}) owners.insert(owner);
  EXPECT_EQ(owners.owners(), (std::vector<Owner>{1, 64, 65535}));
  for (const Owner owner : {Owner{1}, Owner{64}, Owner{65535}}) EXPECT_TRUE(owners.contains(owner));
  for (const Owner owner : {Owner{0}, Owner{2}, Owner{63}, Owner{65534}}) EXPECT_FALSE(owners.contains(owner));
}

// What a compromised worker may write there: as many owners as there are words.
TEST(HolderCounts, AreLinearInTheWordsWhoeverHoldsThem) {
  HolderCounts counts;
  for (std::uint32_t i = 0; i < 1'000'000; ++i) counts.add(static_cast<Owner>(i));
  EXPECT_EQ(counts.total(), 1'000'000U);
  EXPECT_EQ(counts.holders().size(), 65'536U);
}

// The same report, however it was come by.
TEST(SharedObject, IsSurveyedInPieces) {
  const struct {
    SharedShape shape;
    std::size_t spots;
  } cases[] = {
      {{SharedKind::queue, 1024, 8, 512, 0, {}}, 1536},
      {{SharedKind::topic, 1024, 8, 0, 0, {}}, 1024},
      {{SharedKind::semaphore, 64, 0, 0, 0, {}}, 1},
      {{SharedKind::table, 1000, 0, 0, 8, {{"n", ColumnType::integer, 0}}}, 2048 + 256},
      {{SharedKind::counter, 0, 0, 0, 0, {}}, 1},
  };
  for (const auto& [shape, spots] : cases) {
    SharedObject object = SharedObject::create("o", shape, 64);
    EXPECT_EQ(object.spots(), spots) << kind_name(shape.kind);
    if (shape.kind == SharedKind::semaphore) {
      Semaphore gate(object.memory(), {64}, 64, {owner_of(3), nullptr});
      ASSERT_TRUE(gate.try_acquire() && gate.try_acquire());
    }
    SharedSurvey survey;
    for (std::size_t first = 0; first < object.spots(); first += 100) object.survey({first, 100}, survey);
    const SharedReport pieces = object.report(survey), whole = object.report();
    EXPECT_EQ(pieces.fill, whole.fill);
    EXPECT_EQ(pieces.holders, whole.holders);
    EXPECT_EQ(pieces.losses, whole.losses);
    std::size_t freed = 0;
    const OwnerSet dead(owner_of(3));
    for (std::size_t first = 0; first < object.spots(); first += 100) freed += object.repair(dead, {first, 100});
    EXPECT_EQ(freed, shape.kind == SharedKind::semaphore ? 2U : 0U);
  }
}

}  // namespace
}  // namespace prefork::ipc
