#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <prefork/api.hpp>

namespace prefork {

/// How a service is driven; follows from the class that it derives from.
enum class ServiceKind : std::uint8_t {
  stream,    ///< `Service`: coroutines over stream and datagram sockets.
  blocking,  ///< `BlockingService`: one connection at a time per worker, blocking calls.
  http,      ///< `http::Service`: requests and responses.
};

enum class OptionType : std::uint8_t { text, integer, flag, duration, size, choice };

/// One option of a service, as `describe` declared it.
struct OptionSpec {
  std::string name;  ///< lower-case letters, digits and '-'
  OptionType type = OptionType::text;
  std::optional<std::string> default_value;  ///< as written in the file; nullopt: must be given
  std::int64_t minimum = 0;                  ///< of integer; of duration in ms; of size in bytes
  std::int64_t maximum = 0;                  ///< as minimum; both inclusive
  std::vector<std::string> choices;          ///< of choice
  std::string help;                          ///< one sentence
};

/// What a service tells of itself before it is started: filled in by its
/// `static void describe(prefork::Manifest&)`, which runs in a short-lived process of its own and
/// must not depend on anything but its argument.
///
/// A name that is declared twice, is ill-formed, or a default outside its own range throws
/// std::invalid_argument: the plugin is refused with that sentence.
class PREFORK_API Manifest {
 public:
  /// An inclusive range of integers, milliseconds or bytes.
  struct Range {
    std::int64_t minimum;
    std::int64_t maximum;
  };
  static constexpr Range kAny{INT64_MIN, INT64_MAX};
  static constexpr Range kNotNegative{0, INT64_MAX};

  /// One line that says what the service does; shown by `prefork-master --describe`.
  void summary(std::string_view line);

  void text(std::string_view name, std::string_view default_value, std::string_view help);
  /// A text that the configuration must give.
  void required_text(std::string_view name, std::string_view help);
  void integer(std::string_view name, std::int64_t default_value, std::string_view help, Range range = kAny);
  void flag(std::string_view name, bool default_value, std::string_view help);
  /// Written as `250ms`, `30s`, `5m`, `1h`, `1d`.
  void duration(std::string_view name, std::chrono::milliseconds default_value, std::string_view help,
                Range range_in_ms = kNotNegative);
  /// Written as `512`, `64KiB`, `10MiB`, `1GiB`.
  void size(std::string_view name, std::uint64_t default_bytes, std::string_view help,
            Range range_in_bytes = kNotNegative);
  void choice(std::string_view name, std::string_view default_value, std::initializer_list<std::string_view> values,
              std::string_view help);

  const std::string& summary() const noexcept { return summary_; }
  const std::vector<OptionSpec>& options() const noexcept { return options_; }

 private:
  void add(OptionSpec option);

  std::string summary_;
  std::vector<OptionSpec> options_;
};

}  // namespace prefork
