#include "framework/config/isolation.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/framework/config/resolved.hpp"

namespace prefork::config {
namespace {

using testing::resolve_text;
using testing::sentence_of;

const std::string kEcho = "[service echo]\nplugin = echo\nlisten = unix:/a\n";

IsolationOptions isolation_of(const std::string& lines) {
  return resolve_text("[pool main]\n" + lines + kEcho).pools.at(0).isolation;
}

TEST(Isolation, IsNoneByDefault) {
  const IsolationOptions isolation = isolation_of("");
  EXPECT_FALSE(isolation.supplementary_groups);
  EXPECT_EQ(isolation.chroot, "");
  EXPECT_FALSE(isolation.umask);
  EXPECT_FALSE(isolation.nice);
  EXPECT_TRUE(isolation.cpus.empty());
  EXPECT_TRUE(isolation.limits.empty());
  EXPECT_FALSE(isolation.dumpable);
  EXPECT_EQ(isolation.seccomp, SeccompProfile::off);
  EXPECT_TRUE(isolation.landlock_read.empty());
  EXPECT_TRUE(isolation.landlock_write.empty());
}

TEST(Isolation, EverythingGiven) {
  const IsolationOptions isolation = isolation_of(R"(supplementary-groups = adm  4
chroot = /srv
umask = 0027
nice = -5
cpu-affinity = 0-1,5
limit-nofile = 4096:8192
limit-core = 0
dumpable = yes
seccomp = strict
landlock-read = /www
landlock-read = /usr/lib
landlock-write = /var/lib/x
)");
  EXPECT_EQ(isolation.supplementary_groups, (std::vector<std::string>{"adm", "4"}));
  EXPECT_EQ(isolation.chroot, "/srv");
  EXPECT_EQ(isolation.umask, mode_t{027});
  EXPECT_EQ(isolation.nice, -5);
  EXPECT_EQ(isolation.cpus, (std::vector<unsigned>{0, 1, 5}));
  ASSERT_EQ(isolation.limits.size(), 2U);
  EXPECT_EQ(isolation.limits[0].resource, RLIMIT_CORE);
  EXPECT_EQ(isolation.limits[1].resource, RLIMIT_NOFILE);
  EXPECT_EQ(isolation.limits[1].value.rlim_max, 8192U);
  EXPECT_TRUE(isolation.dumpable);
  EXPECT_EQ(isolation.seccomp, SeccompProfile::strict);
  ASSERT_EQ(isolation.landlock_read.size(), 2U);
  EXPECT_EQ(isolation.landlock_read[1].value, "/usr/lib");
  EXPECT_EQ(isolation.landlock_read[1].origin.text, "a.conf:12");
  ASSERT_EQ(isolation.landlock_write.size(), 1U);
  EXPECT_EQ(isolation.landlock_write[0].value, "/var/lib/x");
}

TEST(Isolation, NoSupplementaryGroupsIsNotTheUsersOwn) {
  const IsolationOptions isolation = isolation_of("supplementary-groups =\n");
  ASSERT_TRUE(isolation.supplementary_groups);
  EXPECT_TRUE(isolation.supplementary_groups->empty());
}

TEST(Isolation, HigherSourcesReplaceLists) {
  const Options options = resolve_text("[pool main]\nlandlock-read = /a\nlandlock-read = /b\n" + kEcho,
                                       {"pool.main.limit-core=0"}, {"PREFORK_POOL_MAIN_LANDLOCK_READ=/c\n/d"});
  const IsolationOptions& isolation = options.pools.at(0).isolation;
  ASSERT_EQ(isolation.landlock_read.size(), 2U);
  EXPECT_EQ(isolation.landlock_read[1].value, "/d");
  ASSERT_EQ(isolation.limits.size(), 1U);
}

// Goal: each mistake is one sentence that begins with its place, key and section.
TEST(Isolation, MistakesAreNamed) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"chroot = srv", "chroot in [pool main]: \"srv\" is not a path that begins with /"},
      {"chroot =", "chroot in [pool main]: \"\" is not a path that begins with /"},
      {"umask = 999", "umask in [pool main]: \"999\" is not an octal mode from 0000 to 0777"},
      {"nice = 20", "nice in [pool main]: \"20\" is not an integer from -20 to 19"},
      {"cpu-affinity = 1-0", "cpu-affinity in [pool main]: the range \"1-0\" runs backwards"},
      {"limit-nofile = 2:1", "limit-nofile in [pool main]: the soft limit of \"2:1\" is above the hard one"},
      {"limit-fsize = big",
       "limit-fsize in [pool main]: \"big\" is not a size such as 512, 64KiB, 10MiB or 1GiB, nor unlimited"},
      {"limit-nofiles = 1", "unknown key \"limit-nofiles\" in [pool main]; did you mean \"limit-nofile\"?"},
      {"dumpable = maybe", "dumpable in [pool main]: \"maybe\" is not a flag: on or off, yes or no, true or false"},
      {"seccomp = on", "seccomp in [pool main]: \"on\" is not one of off, default, strict"},
      {"landlock-read = www", "landlock-read in [pool main]: \"www\" is not a path that begins with /"},
      {"landlock-write = /./", "landlock-write in [pool main]: \"/./\" would allow everything"},
  };
  for (const auto& [line, sentence] : cases) {
    EXPECT_EQ(sentence_of([&] { isolation_of("workers = 1\n" + line + "\n"); }), "a.conf:3: " + sentence);
  }
  EXPECT_EQ(sentence_of([] { isolation_of("landlock-read = /a\nlandlock-read = b\n"); }),
            "a.conf:3: landlock-read in [pool main]: \"b\" is not a path that begins with /");
}

TEST(Isolation, DescriptorsMustSufficeForTheConnections) {
  EXPECT_EQ(sentence_of([] { isolation_of("max-connections = 4096\nlimit-nofile = 4096\n"); }),
            "a.conf:3: limit-nofile in [pool main]: 4096 descriptors are too few for max-connections = 4096");
  isolation_of("max-connections = 4096\nlimit-nofile = unlimited\n");
  isolation_of("max-connections = 4096\nlimit-nofile = 8192\n");
  isolation_of("limit-nofile = 0\n");
}

}  // namespace
}  // namespace prefork::config
