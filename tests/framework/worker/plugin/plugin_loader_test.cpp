#include "framework/worker/plugin/plugin_loader.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/ipc/support.hpp"

namespace prefork::worker {
namespace {

using testing::HasSubstr;

PluginDescriptor good() {
  return {PluginDescriptor::kMagic,
          PREFORK_ABI_MAJOR,
          PREFORK_ABI_MINOR,
          sizeof(PluginDescriptor),
          ServiceKind::stream,
          PREFORK_BUILD_SIGNATURE,
          "S",
          [](Manifest&) {},
          []() -> ServiceBase* { return nullptr; }};
}

struct Case {
  std::function<void(PluginDescriptor&)> change;
  std::string says;
};

TEST(CheckDescriptor, Table) {
  const std::vector<Case> cases{
      {[](auto&) {}, ""},
      {[](auto& d) { d.kind = ServiceKind::http; }, ""},
      {[](auto& d) { d.magic = 0; }, "is not a prefork plugin: its prefork_plugin has no magic number"},
      {[](auto& d) { ++d.abi_major; }, "was built for plugin interface 3.0, this server has 2.0: build it again"},
      {[](auto& d) { --d.abi_major; }, "was built for plugin interface 1.0, this server has 2.0: build it again"},
      {[](auto& d) { ++d.abi_minor; }, "was built for plugin interface 2.1, this server has 2.0: build it again"},
      {[](auto& d) { d.struct_bytes += 8; }, "bytes, this server expects"},
      {[](auto& d) { d.struct_bytes = 0; }, "has a descriptor of 0 bytes"},
      {[](auto& d) { d.build_signature = "libc++"; }, "was built with libc++, this server with libstdc++"},
      {[](auto& d) { d.build_signature = ""; }, "was built with "},
      {[](auto& d) { d.kind = static_cast<ServiceKind>(3); }, "is of a kind that this server does not know"},
      {[](auto& d) { d.kind = static_cast<ServiceKind>(255); }, "is of a kind that this server does not know"},
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    PluginDescriptor descriptor = good();
    cases[i].change(descriptor);
    const std::string text = prefork::test::thrown_by([&] { check_descriptor(descriptor, "p"); });
    if (cases[i].says.empty()) {
      EXPECT_EQ(text, "") << i;
    } else {
      EXPECT_THAT(text, HasSubstr("plugin \"p\" ")) << i;
      EXPECT_THAT(text, HasSubstr(cases[i].says)) << i;
    }
  }
}

// Fields after those that never move are not looked at before those agree.
TEST(CheckDescriptor, AForeignDescriptorIsNotReadFurther) {
  PluginDescriptor descriptor = good();
  descriptor.build_signature = reinterpret_cast<const char*>(8);
  descriptor.abi_major = 9;
  EXPECT_THROW(check_descriptor(descriptor, "p"), PluginError);
  descriptor.abi_major = PREFORK_ABI_MAJOR;
  descriptor.struct_bytes = 24;
  EXPECT_THROW(check_descriptor(descriptor, "p"), PluginError);
}

TEST(LoadPlugin, WhatIsNoLibraryIsNamedByItsPluginName) {
  const ipc::UniqueFd text(::open("/etc/passwd", O_RDONLY | O_CLOEXEC));
  const std::string failure = prefork::test::thrown_by([&] { load_plugin(text.get(), "echo"); });
  EXPECT_THAT(failure, HasSubstr("plugin \"echo\" does not load: echo: "));
  EXPECT_THAT(prefork::test::thrown_by([&] { load_plugin(-1, "gone"); }), HasSubstr("plugin \"gone\" does not load"));
}

TEST(LoadPlugin, ALibraryWithoutTheSymbolIsRefused) {
  const ipc::UniqueFd libz(::open("/lib/x86_64-linux-gnu/libz.so.1", O_RDONLY | O_CLOEXEC));
  if (!libz.is_open()) GTEST_SKIP() << "no library at hand to load";
  // The dynamic loader knows a library by the name that it was opened by, here that of a descriptor, for as
  // long as the process lives: no other test may open something by this number.
  const ipc::UniqueFd far(::fcntl(libz.get(), F_DUPFD_CLOEXEC, 700));
  EXPECT_EQ(prefork::test::thrown_by([&] { load_plugin(far.get(), "z"); }),
            "plugin \"z\" is not a prefork plugin: it exports no symbol prefork_plugin");
}

}  // namespace
}  // namespace prefork::worker
