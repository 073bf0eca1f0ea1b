#include <fmt/format.h>

#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "framework/config/ini.hpp"
#include "framework/config/load.hpp"
#include "framework/config/option_table.hpp"
#include "framework/config/secret.hpp"
#include "framework/config/section.hpp"
#include "framework/config/wording.hpp"

namespace prefork::config {

namespace {

class Writer {
 public:
  explicit Writer(const Options& options) : options_(options) {}

  void open(const SectionId& id) {
    if (!out_.empty()) out_ += '\n';
    out_ += label(id) + '\n';
    prefix_ = prefix(id) + '.';
  }

  /// A value of the framework's keys.
  void value(std::string_view key, std::string_view text) {
    const auto origin = options_.origins.find(prefix_ + std::string(key));
    line(key, text, origin == options_.origins.end() ? "default" : origin->second.text);
  }

  void line(std::string_view key, std::string_view text, std::string origin) {
    // A file's name can contain anything, but the comment must stay on its line.
    for (char& c : origin) {
      if (c == '\n' || is_forbidden_byte(c)) c = '?';
    }
    out_ += fmt::format("{} = {}  # {}\n", key, ini_quote(text), origin);
  }

  std::string take() { return std::move(out_); }

 private:
  const Options& options_;
  std::string prefix_;
  std::string out_;
};

/// Writes the members that have a row in the option table.
template <class Section>
void write_section(Writer& out, const SectionId& id, const Section& section) {
  out.open(id);
  for (const auto& row : rows_of(section)) {
    for (const OptionValue& value : row.get(section)) {
      row.key.list ? out.line(row.key.name, value.value, value.origin.text) : out.value(row.key.name, value.value);
    }
  }
}

// The options that the plugin declares, in its order, given or not; then those that are given but unknown, which nobody
// has checked yet.
void write_own(Writer& out, const ServiceOptions& service, const std::vector<OptionSpec>& declared) {
  std::set<std::string> written;
  for (const auto& option : declared) {
    const auto given = service.own.find(option.name);
    if (given != service.own.end()) {
      const std::string& value = given->second.value;
      out.line(option.name, option.type == OptionType::secret ? masked(value) : value, given->second.origin.text);
    } else if (option.default_value) {
      out.line(option.name, *option.default_value, "default");
    }
    written.insert(option.name);
  }
  for (const auto& [key, own] : service.own) {
    if (!written.contains(key)) out.line(key, own.value, own.origin.text);
  }
}

}  // namespace

std::string dump(const Options& options, const DeclaredOptions& declared) {
  Writer out(options);
  write_section(out, {SectionKind::master, {}}, options.master);
  for (const auto& pool : options.pools) write_section(out, {SectionKind::pool, pool.name}, pool);
  for (const auto& service : options.services) {
    write_section(out, {SectionKind::service, service.name}, service);
    const auto found = declared.find(service.name);
    write_own(out, service, found == declared.end() ? std::vector<OptionSpec>{} : found->second);
  }
  return out.take();
}

}  // namespace prefork::config
