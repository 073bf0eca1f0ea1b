#pragma once

#include <cstdint>

#include <prefork/api.hpp>
#include <prefork/manifest.hpp>

namespace prefork {

class ServiceBase;

/// The one symbol that a plugin exports, `prefork_plugin`. PREFORK_SERVICE writes it; the server reads it before it
/// calls any other code of the plugin. The fields up to `struct_bytes` never change their position.
struct PluginDescriptor {
  static constexpr std::uint32_t kMagic = 0x504b5246;  // "FRKP"

  std::uint32_t magic;
  std::uint16_t abi_major;
  std::uint16_t abi_minor;
  std::uint32_t struct_bytes;
  ServiceKind kind;
  const char* build_signature;
  const char* class_name;
  void (*describe)(Manifest&);
  /// Called once in a worker. Nothing destroys the service: a worker ends by _exit, with coroutines suspended that may
  /// refer to it. What has to be done at the end is done in ServiceBase::stop.
  ServiceBase* (*create)();
};

namespace detail {
template <class S>
void describe_service(Manifest& manifest) {
  S::describe_base(manifest);
  if constexpr (requires { S::describe(manifest); }) S::describe(manifest);
}
}  // namespace detail

}  // namespace prefork

/// Makes a shared object a plugin. Must be written once, after the service class, which needs a default constructor.
#define PREFORK_SERVICE(S)                                                                                     \
  extern "C" __attribute__((visibility("default"), used)) const ::prefork::PluginDescriptor prefork_plugin = { \
      ::prefork::PluginDescriptor::kMagic,                                                                     \
      PREFORK_ABI_MAJOR,                                                                                       \
      PREFORK_ABI_MINOR,                                                                                       \
      sizeof(::prefork::PluginDescriptor),                                                                     \
      S::kKind,                                                                                                \
      PREFORK_BUILD_SIGNATURE,                                                                                 \
      #S,                                                                                                      \
      &::prefork::detail::describe_service<S>,                                                                 \
      []() -> ::prefork::ServiceBase* { return new S; },                                                       \
  };
