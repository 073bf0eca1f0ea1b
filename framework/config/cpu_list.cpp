#include "framework/config/cpu_list.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <stdexcept>
#include <system_error>

#include "framework/config/wording.hpp"

namespace prefork::config {

namespace {

// The most that Linux can be built for (CONFIG_NR_CPUS).
constexpr unsigned kMaxCpus = 8192;

std::optional<unsigned> cpu(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || value >= kMaxCpus)
    return std::nullopt;
  return value;
}

}  // namespace

std::vector<unsigned> parse_cpu_list(std::string_view text) {
  std::set<unsigned> cpus;
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t end = std::min(text.find(',', start), text.size());
    const std::string_view item = trimmed(text.substr(start, end - start));
    const std::size_t dash = item.find('-');
    const auto first = cpu(item.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : cpu(item.substr(dash + 1));
    if (!first || !last) {
      throw std::invalid_argument(
          fmt::format("{} is not a list of CPUs from 0 to {}, such as 0-3,5", in_quotes(text), kMaxCpus - 1));
    }
    if (*first > *last) throw std::invalid_argument(fmt::format("the range {} runs backwards", in_quotes(item)));
    for (unsigned number = *first; number <= *last; ++number) cpus.insert(number);
    start = end + 1;
  }
  return {cpus.begin(), cpus.end()};
}

std::string format_cpu_list(const std::vector<unsigned>& cpus) {
  std::string text;
  for (std::size_t i = 0; i < cpus.size();) {
    std::size_t last = i;
    while (last + 1 < cpus.size() && cpus[last + 1] == cpus[last] + 1) ++last;
    if (!text.empty()) text += ',';
    text += last == i ? fmt::format("{}", cpus[i]) : fmt::format("{}-{}", cpus[i], cpus[last]);
    i = last + 1;
  }
  return text;
}

}  // namespace prefork::config
