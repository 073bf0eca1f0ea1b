#include "framework/config/isolation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <string>

#include "framework/base/units.hpp"
#include "framework/config/config_error.hpp"
#include "framework/config/cpu_list.hpp"
#include "framework/config/resource_limit.hpp"
#include "framework/config/wording.hpp"

namespace prefork::config {

namespace {

std::vector<std::string> parse_names(std::string_view text) {
  std::vector<std::string> names;
  while (!(text = trimmed(text)).empty()) {
    const std::size_t end = std::min(text.find_first_of(" \t"), text.size());
    names.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return names;
}

std::string parse_absolute(const std::string& text) {
  if (!text.starts_with('/')) throw std::invalid_argument(in_quotes(text) + " is not a path that begins with /");
  return text;
}

// A rule for the root would leave nothing out.
std::string parse_part(const std::string& text) {
  if (parse_absolute(text).find_first_not_of("/.") == std::string::npos) {
    throw std::invalid_argument(in_quotes(text) + " leaves nothing that could be refused");
  }
  return text;
}

SeccompProfile profile_of(std::string_view name) {
  if (name == profile_name(SeccompProfile::off)) return SeccompProfile::off;
  return name == profile_name(SeccompProfile::strict) ? SeccompProfile::strict : SeccompProfile::standard;
}

std::vector<OptionValue> paths(const SectionReader& in, const std::string& key,
                               std::string (*parse)(const std::string&)) {
  if (in.each(key, parse).empty()) return {};
  return in.section().values.at(key);
}

// A limit below what the pool says it needs is a slip of one of the two.
void check_connections(const SectionReader& in, const IsolationOptions& isolation) {
  const auto connections = static_cast<rlim_t>(in.integer("max-connections"));
  if (connections == 0) return;
  for (const auto& limit : isolation.limits) {
    if (limit.resource != RLIMIT_NOFILE || connections < limit.value.rlim_cur) continue;
    throw ConfigError(fmt::format("{}: limit-nofile in {}: {} descriptors are too few for max-connections = {}",
                                  in.origin_of("limit-nofile").text, label(in.section().id), limit.value.rlim_cur,
                                  connections));
  }
}

}  // namespace

std::string_view profile_name(SeccompProfile profile) {
  switch (profile) {
    case SeccompProfile::off:
      return "off";
    case SeccompProfile::standard:
      return "default";
    case SeccompProfile::strict:
      break;
  }
  return "strict";
}

IsolationOptions read_isolation(const SectionReader& in) {
  IsolationOptions isolation;
  isolation.supplementary_groups = in.parsed("supplementary-groups", parse_names);
  isolation.chroot = in.parsed("chroot", parse_absolute).value_or("");
  isolation.umask = in.parsed("umask", base::parse_mode);
  if (in.section().find("nice") != nullptr) isolation.nice = static_cast<int>(in.integer("nice"));
  isolation.cpus = in.parsed("cpu-affinity", parse_cpu_list).value_or(std::vector<unsigned>());
  for (const auto& kind : limit_kinds()) {
    auto limit = in.parsed(std::string(kind.key), [&](const std::string& text) { return parse_limit(kind, text); });
    if (limit) isolation.limits.push_back(std::move(*limit));
  }
  isolation.dumpable = in.integer("dumpable") != 0;
  isolation.seccomp = profile_of(in.text("seccomp"));
  isolation.landlock_read = paths(in, "landlock-read", parse_absolute);
  isolation.landlock_write = paths(in, "landlock-write", parse_part);
  check_connections(in, isolation);
  return isolation;
}

}  // namespace prefork::config
