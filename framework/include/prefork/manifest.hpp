#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <prefork/api.hpp>
#include <prefork/shared.hpp>

namespace prefork {

/// How a service is driven; follows from the class that it derives from.
enum class ServiceKind : std::uint8_t {
  stream,    ///< `Service`: coroutines over stream and datagram sockets.
  blocking,  ///< `BlockingService`: one connection at a time per worker, blocking calls.
  http,      ///< `http::Service`: requests and responses.
};

enum class OptionType : std::uint8_t { text, integer, flag, duration, size, choice, secret, folder, file };

/// Looks at the value of a text option and throws a std::exception, with a sentence, where it can't be used. Runs in a
/// short-lived process of its own, like `describe`, and must not depend on anything but its argument.
using TextCheck = void (*)(const std::string& value);

/// Thrown by a TextCheck whose value can be used, but hardly is what was meant: `-t`, a start and a reload tell of it
/// and go on.
class PREFORK_API OptionWarning : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// One option of a service, as `describe` declared it.
struct OptionSpec {
  std::string name;  ///< lower-case letters, digits and '-'
  OptionType type = OptionType::text;
  std::optional<std::string> default_value;  ///< as written in the file; nullopt: must be given
  std::int64_t minimum = 0;                  ///< of integer; of duration in ms; of size in bytes
  std::int64_t maximum = 0;                  ///< as minimum; both inclusive
  std::vector<std::string> choices;          ///< of choice
  std::string help;                          ///< one sentence
  bool checked = false;                      ///< of text: `check` is to be asked
  TextCheck check = nullptr;                 ///< null in every process that has not called `describe` itself
};

/// What a service tells of itself before it is started: filled in by its
/// `static void describe(prefork::Manifest&)`, which runs in a short-lived process of its own and
/// must not depend on anything but its argument.
///
/// A name that is declared twice, is ill-formed, or a default that its own range or check refuses throws
/// std::invalid_argument: the plugin is refused with that sentence. Names are lower-case letters, digits and '-',
/// at most 40 of them, and begin with a letter.
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

  /// `check` refuses what is given before a worker is started: `-t`, a start and a reload end with its sentence and the
  /// place in the file. The default is checked too.
  void text(std::string_view name, std::string_view default_value, std::string_view help, TextCheck check = nullptr);
  /// A text that the configuration must give.
  void required_text(std::string_view name, std::string_view help, TextCheck check = nullptr);
  /// A text that nobody is shown: a password, a token, a key. The configuration says where it lies, `file:PATH`,
  /// `env:NAME` or `credential:NAME` (systemd's), or gives it itself; the master reads it, with its own rights, at each
  /// start and reload, and OptionValues::text gives it, without the line end of a file. Empty: not given.
  void secret(std::string_view name, std::string_view help);
  /// A secret that the configuration must give.
  void required_secret(std::string_view name, std::string_view help);
  /// The path of a folder, or of a file to read; empty: none. `-t`, a start and a reload refuse one that is not there
  /// for the service: they look for it as the pool's user, within its chroot.
  void folder(std::string_view name, std::string_view default_value, std::string_view help);
  void file(std::string_view name, std::string_view default_value, std::string_view help);
  /// The same, and the configuration must give it.
  void required_folder(std::string_view name, std::string_view help);
  void required_file(std::string_view name, std::string_view help);
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

  /// Objects that workers share (prefork/shared.hpp). The master makes them before it starts the first worker,
  /// and repairs them when one dies. Every size becomes an option of the service, NAME-capacity and so on.
  void queue(std::string_view name, const QueueShape& shape, std::string_view help, Scope scope = Scope::service);
  void topic(std::string_view name, const TopicShape& shape, std::string_view help, Scope scope = Scope::service);
  void semaphore(std::string_view name, const SemaphoreShape& shape, std::string_view help,
                 Scope scope = Scope::service);
  void mutex(std::string_view name, const MutexShape& shape, std::string_view help, Scope scope = Scope::service);
  void event(std::string_view name, std::string_view help, Scope scope = Scope::service);
  void barrier(std::string_view name, const BarrierShape& shape, std::string_view help, Scope scope = Scope::service);
  void counter(std::string_view name, std::string_view help, Scope scope = Scope::service);
  void gauge(std::string_view name, std::string_view help, Scope scope = Scope::service);
  void histogram(std::string_view name, std::string_view help, Scope scope = Scope::service);
  void table(std::string_view name, const TableShape& shape, std::string_view help, Scope scope = Scope::service);
  void channel(std::string_view name, const ChannelShape& shape, std::string_view help, Scope scope = Scope::service);
  /// The service sends signals to workers, or takes them (Context::signal, Context::on_signal).
  void signals();
  /// The service is of no use where it may not ask the master (prefork/master.hpp): a pool without `master-access` is
  /// refused.
  void asks_master() noexcept { asks_master_ = true; }

  const std::string& summary() const noexcept { return summary_; }
  const std::vector<OptionSpec>& options() const noexcept { return options_; }
  const std::vector<SharedSpec>& shared() const noexcept { return shared_; }
  bool wants_signals() const noexcept { return wants_signals_; }
  bool wants_master() const noexcept { return asks_master_; }

 private:
  void add(OptionSpec option);
  void push(OptionSpec option);
  void share(SharedSpec spec);
  /// Adds a size of a shared object as an option; its name there is the last part.
  void size_of(std::string_view object, OptionSpec option);

  std::string summary_;
  std::vector<OptionSpec> options_;
  std::vector<SharedSpec> shared_;
  std::size_t sizes_ = 0;  ///< options that are sizes of shared objects
  bool wants_signals_ = false;
  bool asks_master_ = false;
};

}  // namespace prefork
