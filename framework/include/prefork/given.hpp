#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace prefork {

/// What the configuration says for a service that is being described: the options in its section that are not the
/// server's own, as they are written there and not yet checked. Secrets are masked, if describe() declares them
/// whatever is given. Empty where the plugin is described by itself, which comes first.
class Given {
 public:
  using Options = std::map<std::string, std::string, std::less<>>;

  Given() = default;
  explicit Given(Options options) : options_(std::move(options)) {}

  const Options& options() const noexcept { return options_; }
  /// @return nullopt: the configuration has no such option
  std::optional<std::string> text(std::string_view name) const {
    const auto found = options_.find(name);
    return found == options_.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  Options options_;
};

}  // namespace prefork
