#include <prefork/service.hpp>

#ifndef MAGIC
#define MAGIC prefork::PluginDescriptor::kMagic
#endif
#ifndef ABI_MAJOR
#define ABI_MAJOR PREFORK_ABI_MAJOR
#endif
#ifndef STRUCT_BYTES
#define STRUCT_BYTES sizeof(prefork::PluginDescriptor)
#endif
#ifndef SIGNATURE
#define SIGNATURE PREFORK_BUILD_SIGNATURE
#endif

// What PREFORK_SERVICE writes, with one field that does not fit.
extern "C" __attribute__((visibility("default"), used)) const prefork::PluginDescriptor prefork_plugin = {
    MAGIC,     ABI_MAJOR, PREFORK_ABI_MINOR, STRUCT_BYTES, prefork::ServiceKind::stream,
    SIGNATURE, "Bad",     nullptr,           nullptr};
