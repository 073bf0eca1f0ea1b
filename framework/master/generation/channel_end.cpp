#include "framework/master/generation/channel_end.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <system_error>

#include "framework/base/visible.hpp"
#include "framework/config/schema.hpp"
#include "framework/config/wording.hpp"

namespace prefork::master {

namespace {

std::vector<std::string_view> split(std::string_view text) {
  constexpr std::string_view kBlanks = " \t";
  std::vector<std::string_view> words;
  for (auto begin = text.find_first_not_of(kBlanks); begin != std::string_view::npos;) {
    const auto end = text.find_first_of(kBlanks, begin);
    words.push_back(text.substr(begin, end - begin));
    begin = text.find_first_not_of(kBlanks, end);
  }
  return words;
}

std::optional<unsigned> parse_index(std::string_view word, std::string_view whole) {
  if (word == "*") return std::nullopt;
  unsigned index = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), index);
  if (error != std::errc() || end != word.data() + word.size() || index >= config::kMaxSlots) {
    throw std::invalid_argument(
        fmt::format("{} is no end of a channel; write N, *, POOL/N or POOL/*", base::in_quotes(whole)));
  }
  return index;
}

ChannelEnd parse_end(std::string_view word, const std::string& own_pool, const std::vector<std::string>& pools) {
  const auto slash = word.find('/');
  if (slash == std::string_view::npos) return {own_pool, parse_index(word, word)};
  const std::string pool(word.substr(0, slash));
  if (std::find(pools.begin(), pools.end(), pool) == pools.end()) {
    throw std::invalid_argument(fmt::format("there is no pool {} for the end {}{}", base::in_quotes(pool),
                                            base::in_quotes(word), config::did_you_mean(pool, pools)));
  }
  return {pool, parse_index(word.substr(slash + 1), word)};
}

}  // namespace

std::string channel_end_text(const ChannelEnd& end) {
  return end.pool + "/" + (end.index ? std::to_string(*end.index) : "*");
}

std::pair<ChannelEnd, ChannelEnd> parse_channel_ends(std::string_view text, const std::string& own_pool,
                                                     const std::vector<std::string>& pools) {
  const auto words = split(text);
  if (words.size() != 2) {
    throw std::invalid_argument(
        fmt::format("{} are not two ends of a channel, such as \"0 1\" or \"0 jobs/*\"", base::in_quotes(text)));
  }
  auto ends = std::pair(parse_end(words[0], own_pool, pools), parse_end(words[1], own_pool, pools));
  if (ends.first == ends.second) {
    throw std::invalid_argument(fmt::format("both ends of the channel are {}", channel_end_text(ends.first)));
  }
  return ends;
}

}  // namespace prefork::master
