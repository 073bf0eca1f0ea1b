#include "framework/config/resource_limit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <stdexcept>

#include "framework/base/units.hpp"
#include "framework/config/wording.hpp"

namespace prefork::config {

namespace {

constexpr std::array<LimitKind, 8> kKinds{{
    {"limit-as", RLIMIT_AS, true, "address space of a worker"},
    {"limit-core", RLIMIT_CORE, true, "size of a worker's core file"},
    {"limit-data", RLIMIT_DATA, true, "heap and other private memory of a worker"},
    {"limit-fsize", RLIMIT_FSIZE, true, "size of a file that a worker writes; beyond it SIGXFSZ ends the worker"},
    {"limit-memlock", RLIMIT_MEMLOCK, true, "locked memory of a worker"},
    {"limit-nofile", RLIMIT_NOFILE, false, "descriptors of a worker"},
    {"limit-nproc", RLIMIT_NPROC, false, "processes and threads of the pool's user, on the whole machine"},
    {"limit-stack", RLIMIT_STACK, true, "stack of a worker"},
}};

constexpr std::string_view kUnlimited = "unlimited";

rlim_t parse_one(const LimitKind& kind, std::string_view text) {
  if (text == kUnlimited) return RLIM_INFINITY;
  try {
    if (kind.bytes) return base::parse_size(text);
    return static_cast<rlim_t>(base::parse_integer(text, 0, std::numeric_limits<std::int64_t>::max()));
  } catch (const std::invalid_argument&) {
    throw std::invalid_argument(fmt::format("{} is not {}, nor {}", in_quotes(text),
                                            kind.bytes ? "a size such as 512, 64KiB, 10MiB or 1GiB" : "a number",
                                            kUnlimited));
  }
}

std::string format_one(const LimitKind& kind, rlim_t value) {
  if (value == RLIM_INFINITY) return std::string(kUnlimited);
  return kind.bytes ? base::format_size(value) : std::to_string(value);
}

}  // namespace

std::span<const LimitKind> limit_kinds() { return kKinds; }

ResourceLimit parse_limit(const LimitKind& kind, std::string_view text) {
  const std::size_t colon = text.find(':');
  const rlim_t soft = parse_one(kind, text.substr(0, colon));
  const rlim_t hard = colon == std::string_view::npos ? soft : parse_one(kind, text.substr(colon + 1));
  if (soft > hard)
    throw std::invalid_argument(fmt::format("the soft limit of {} is above the hard one", in_quotes(text)));
  return {std::string(kind.key), kind.resource, {soft, hard}};
}

std::string format_limit(const ResourceLimit& limit) {
  const auto kind = std::find_if(kKinds.begin(), kKinds.end(), [&](const auto& k) { return k.key == limit.key; });
  if (kind == kKinds.end()) throw std::logic_error("no limit " + limit.key);
  const std::string soft = format_one(*kind, limit.value.rlim_cur);
  if (limit.value.rlim_cur == limit.value.rlim_max) return soft;
  return soft + ':' + format_one(*kind, limit.value.rlim_max);
}

}  // namespace prefork::config
