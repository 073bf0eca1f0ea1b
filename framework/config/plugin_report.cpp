#include "framework/config/plugin_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <utility>

#include "framework/base/units.hpp"
#include "framework/config/values.hpp"
#include "framework/config/wording.hpp"

namespace prefork::config {

namespace {

constexpr char kFieldEnd = '\x1f';
constexpr char kRecordEnd = '\x1e';
constexpr std::string_view kOptionRecord = "option";
constexpr std::string_view kSharedRecord = "shared";
constexpr std::string_view kSealRecord = "seal";
constexpr std::string_view kMagic = "prefork-plugin-3";
// Flags of a plugin.
constexpr std::int64_t kSignals = 1;
constexpr std::int64_t kAsksMaster = 2;
constexpr std::int64_t kRequestMetrics = 4;
constexpr std::int64_t kReadsGiven = 8;
// Flags of an option.
constexpr std::int64_t kHasDefault = 1;
constexpr std::int64_t kChecked = 2;

class Writer {
 public:
  Writer& field(std::string_view text) {
    bytes_.append(text);
    bytes_.push_back(kFieldEnd);
    return *this;
  }
  Writer& field(std::int64_t number) { return field(std::to_string(number)); }
  void end_record() { bytes_.push_back(kRecordEnd); }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

[[noreturn]] void refuse(const char* what) { throw std::runtime_error(std::string("its report is damaged: ") + what); }

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}

/// Letters, digits and '-', as a manifest requires: it is used in log lines, keys and names of mappings.
bool is_name(std::string_view name) {
  constexpr std::size_t kMaxName = 40;
  return name.size() <= kMaxName && is_key(name) && name.find('_') == std::string_view::npos;
}

class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}
  bool at_end() const { return rest_.empty(); }
  bool at_record_end() const { return !rest_.empty() && rest_.front() == kRecordEnd; }
  std::string text() {
    const auto end = rest_.find(kFieldEnd);
    if (end == std::string_view::npos) refuse("a field has no end");
    const std::string_view field = rest_.substr(0, end);
    if (std::any_of(field.begin(), field.end(), is_control)) refuse("a control character");
    rest_.remove_prefix(end + 1);
    return std::string(field);
  }
  std::int64_t number(std::int64_t minimum, std::int64_t maximum) {
    const std::string field = text();
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
    if (error != std::errc() || end != field.data() + field.size()) refuse("not a number");
    if (value < minimum || value > maximum) refuse("a number out of range");
    return value;
  }
  void end_record() {
    if (!at_record_end()) refuse("a record has no end");
    rest_.remove_prefix(1);
  }

 private:
  std::string_view rest_;
};

constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

OptionSpec read_option(Reader& reader) {
  OptionSpec option;
  option.name = reader.text();
  option.type = static_cast<OptionType>(reader.number(0, static_cast<int>(OptionType::file)));
  const std::int64_t traits = reader.number(0, kHasDefault | kChecked);
  const std::string default_value = reader.text();
  if ((traits & kHasDefault) != 0) option.default_value = default_value;
  option.checked = (traits & kChecked) != 0;
  option.role = static_cast<OptionRole>(reader.number(0, static_cast<int>(OptionRole::place_host)));
  option.minimum = reader.number(kMin, kMax);
  option.maximum = reader.number(kMin, kMax);
  option.help = reader.text();
  while (!reader.at_record_end()) option.choices.push_back(reader.text());
  reader.end_record();
  return option;
}

SharedSpec read_shared(Reader& reader) {
  SharedSpec spec;
  spec.name = reader.text();
  if (!is_name(spec.name)) refuse("a shared object with an ill-formed name");
  spec.kind = static_cast<SharedKind>(reader.number(0, static_cast<int>(SharedKind::channel)));
  spec.scope = static_cast<Scope>(reader.number(0, static_cast<int>(Scope::server)));
  spec.help = reader.text();
  while (!reader.at_record_end()) {
    if (spec.columns.size() >= kMaxReportedColumns) refuse("too many columns");
    Column column;
    column.name = reader.text();
    if (!is_name(column.name)) refuse("a column with an ill-formed name");
    column.type = static_cast<ColumnType>(reader.number(0, static_cast<int>(ColumnType::text)));
    column.text_bytes = static_cast<std::uint32_t>(reader.number(0, std::numeric_limits<std::uint32_t>::max()));
    spec.columns.push_back(std::move(column));
  }
  reader.end_record();
  return spec;
}

void read_record(Reader& reader, PluginReport& report) {
  const std::string record = reader.text();
  if (record == kOptionRecord) {
    if (report.options.size() >= kMaxReportedOptions) refuse("too many options");
    OptionSpec option = read_option(reader);
    if (option.role != OptionRole::none && option_of(report, option.role) != nullptr) refuse("a role twice");
    report.options.push_back(std::move(option));
  } else if (record == kSharedRecord) {
    if (report.shared.size() >= kMaxReportedObjects) refuse("too many shared objects");
    SharedSpec spec = read_shared(reader);
    const bool twice =
        std::any_of(report.shared.begin(), report.shared.end(), [&](const auto& s) { return s.name == spec.name; });
    if (twice) refuse("a shared object twice");
    report.shared.push_back(std::move(spec));
  } else if (record == kSealRecord) {
    if (report.seals.size() >= kMaxReportedSeals) refuse("too many paths to seal");
    report.seals.push_back(reader.text());
    reader.end_record();
  } else {
    refuse("a record of no known kind");
  }
}

bool has_range(OptionType type) {
  return type == OptionType::integer || type == OptionType::duration || type == OptionType::size;
}

std::string describe_values(const OptionSpec& option) {
  constexpr std::array<std::string_view, 9> names{"text",   "integer", "on or off", "duration", "size",
                                                  "one of", "secret",  "folder",    "file"};
  std::string text(names[static_cast<std::size_t>(option.type)]);
  for (const auto& choice : option.choices) text.append(" ").append(choice);
  if (!has_range(option.type)) return text;
  // Durations and sizes are never below zero, which need not be said.
  const std::int64_t lowest = option.type == OptionType::integer ? kMin : 0;
  if (option.minimum > lowest) text += ", at least " + written(option.type, option.minimum);
  if (option.maximum != kMax) text += ", at most " + written(option.type, option.maximum);
  return text;
}

std::string shown_default(const OptionSpec& option) {
  if (!option.default_value) return "must be given";
  if (option.default_value->empty()) return "default empty";
  if (option.type == OptionType::secret) return "has a default";
  if (!has_range(option.type)) return "default " + *option.default_value;
  try {
    return "default " + written(option.type, number({option.type, kMin, kMax, {}}, *option.default_value));
  } catch (const std::invalid_argument&) {
    return "default " + *option.default_value;
  }
}

std::string describe_shared(const SharedSpec& spec) {
  constexpr std::array<std::string_view, 3> types{"integer", "real", "text"};
  std::string text(kind_name(spec.kind));
  for (const Column& column : spec.columns) {
    text += fmt::format("{}{} {}", &column == &spec.columns.front() ? " of " : ", ",
                        types[static_cast<std::size_t>(column.type)], column.name);
    if (column.type == ColumnType::text) text += fmt::format(" ({})", base::format_size(column.text_bytes));
  }
  return text + (spec.scope == Scope::server ? "; of all services that declare it" : "");
}

void describe_shared_objects(const PluginReport& report, std::string& text) {
  if (report.shared.empty() && !report.signals) return;
  text += "shared between workers:\n";
  for (const auto& spec : report.shared) {
    text += fmt::format("  {:<20} {}\n", spec.name, describe_shared(spec));
    if (!spec.help.empty()) text += fmt::format("  {:<20} {}\n", "", spec.help);
  }
  if (report.signals) text += "  signals to and from other workers\n";
}

}  // namespace

const OptionSpec* option_of(const PluginReport& report, OptionRole role) noexcept {
  const auto found = std::find_if(report.options.begin(), report.options.end(),
                                  [&](const auto& option) { return option.role == role; });
  return found == report.options.end() ? nullptr : &*found;
}

std::string_view kind_name(SharedKind kind) noexcept {
  constexpr std::array<std::string_view, 11> names{"queue",   "topic", "semaphore", "mutex", "event",  "barrier",
                                                   "counter", "gauge", "histogram", "table", "channel"};
  return names[static_cast<std::size_t>(kind)];
}

PluginReport report_of(const Manifest& manifest, ServiceKind kind, std::string class_name, bool reads_given) {
  return {kind,
          std::move(class_name),
          manifest.summary(),
          manifest.options(),
          manifest.shared(),
          manifest.wants_signals(),
          manifest.wants_master(),
          manifest.has_request_metrics(),
          reads_given,
          manifest.seals()};
}

std::string encode_report(const PluginReport& report) {
  Writer writer;
  writer.field(kMagic).field(static_cast<std::int64_t>(report.kind)).field(report.class_name).field(report.summary);
  writer.field((report.signals ? kSignals : 0) | (report.asks_master ? kAsksMaster : 0) |
               (report.request_metrics ? kRequestMetrics : 0) | (report.reads_given ? kReadsGiven : 0));
  writer.end_record();
  for (const auto& option : report.options) {
    writer.field(kOptionRecord).field(option.name).field(static_cast<std::int64_t>(option.type));
    writer.field((option.default_value ? kHasDefault : 0) | (option.checked ? kChecked : 0));
    writer.field(option.default_value.value_or("")).field(static_cast<std::int64_t>(option.role));
    writer.field(option.minimum).field(option.maximum).field(option.help);
    for (const auto& choice : option.choices) writer.field(choice);
    writer.end_record();
  }
  for (const auto& spec : report.shared) {
    writer.field(kSharedRecord).field(spec.name).field(static_cast<std::int64_t>(spec.kind));
    writer.field(static_cast<std::int64_t>(spec.scope)).field(spec.help);
    for (const auto& column : spec.columns) {
      writer.field(column.name).field(static_cast<std::int64_t>(column.type)).field(std::int64_t{column.text_bytes});
    }
    writer.end_record();
  }
  for (const auto& path : report.seals) writer.field(kSealRecord).field(path).end_record();
  return writer.take();
}

PluginReport decode_report(std::string_view bytes) {
  if (bytes.size() > kMaxReportBytes) refuse("too long");
  Reader reader(bytes);
  if (reader.text() != kMagic) refuse("no magic word");
  PluginReport report;
  report.kind = static_cast<ServiceKind>(reader.number(0, kServiceKinds.size() - 1));
  report.class_name = reader.text();
  report.summary = reader.text();
  const std::int64_t traits = reader.number(0, kSignals | kAsksMaster | kRequestMetrics | kReadsGiven);
  report.signals = (traits & kSignals) != 0;
  report.asks_master = (traits & kAsksMaster) != 0;
  report.request_metrics = (traits & kRequestMetrics) != 0;
  report.reads_given = (traits & kReadsGiven) != 0;
  reader.end_record();
  while (!reader.at_end()) read_record(reader, report);
  return report;
}

std::string describe_report(const PluginReport& report, std::string_view plugin) {
  std::string text = fmt::format("{}: {} ({})\n", plugin, report.summary.empty() ? "(no summary)" : report.summary,
                                 traits_of(report.kind).name);
  for (const auto& option : report.options) {
    text += fmt::format("  {:<20} {}; {}\n", option.name, describe_values(option), shown_default(option));
    if (!option.help.empty()) text += fmt::format("  {:<20} {}\n", "", option.help);
  }
  if (report.options.empty()) text += "  no options of its own\n";
  if (report.asks_master) text += "needs master-access in its pool\n";
  if (report.reads_given) text += "declares more for a service, by its options\n";
  for (const auto& path : report.seals) text += "seals " + path + "\n";
  describe_shared_objects(report, text);
  return text;
}

}  // namespace prefork::config
