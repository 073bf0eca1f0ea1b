// Goal: no bytes make the configuration's reader crash or throw anything but a ConfigError with a sentence on each
// line; what it accepts, dump() writes so that it reads back as the same options. The input is split at 0x01 into a
// file, the files "1", "2", ... that it can include, variables (PREFORK_...) and overrides (-o...).
#include <cstdint>
#include <cstdlib>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "framework/config/config_error.hpp"
#include "framework/config/ini.hpp"
#include "framework/config/load.hpp"
#include "framework/config/resolve.hpp"
#include "framework/config/sources.hpp"
#include "tests/framework/config/options_text.hpp"
#include "tests/framework/config/support.hpp"

namespace {

using namespace prefork::config;

constexpr char kSeparator = '\x01';
constexpr unsigned kAutoWorkers = 2;

void require(bool holds) {
  if (!holds) std::abort();
}

struct Input {
  std::string text;
  std::map<std::string, std::string> files;
  std::vector<std::string> environment;
  std::vector<std::string> overrides;
};

Input split(std::string_view bytes) {
  Input input;
  auto end = bytes.find(kSeparator);
  input.text = bytes.substr(0, end);
  while (end != std::string_view::npos) {
    bytes.remove_prefix(end + 1);
    end = bytes.find(kSeparator);
    const std::string part(bytes.substr(0, end));
    const std::string argument = part.c_str();  // the kernel's strings end at the first zero
    if (part.starts_with("PREFORK_")) {
      input.environment.push_back(argument);
    } else if (part.starts_with("-o")) {
      input.overrides.push_back(argument.substr(2));
    } else {
      input.files[std::to_string(input.files.size() + 1)] = part;
    }
  }
  return input;
}

Options resolved(const Input& input) {
  prefork::config::testing::MemoryFiles files(input.files);
  const Document document = parse_ini({"main", "main", input.text}, files);
  for (const auto& section : document.sections) {
    for (const auto& entry : section.entries) {
      const std::string text = "[master]\nx = " + ini_quote(entry.value) + "  # comment";
      require(parse_ini({"quoted", "quoted", text}, files).sections.at(0).entries.at(0).value == entry.value);
    }
  }
  std::vector<SectionInput> sections = from_document(document);
  add_overrides(sections, input.overrides, "");
  add_environment(sections, input.environment);
  return resolve(sections, kAutoWorkers);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Options options;
  try {
    options = resolved(split({reinterpret_cast<const char*>(data), size}));
  } catch (const ConfigError& error) {
    std::istringstream sentences(error.what());
    bool has_any = false;
    for (std::string sentence; std::getline(sentences, sentence); has_any = true) {
      require(sentence.find(": ") != std::string::npos);
    }
    require(has_any);
    return 0;
  }
  Input again;
  again.text = dump(options);
  require(prefork::config::testing::text_of(resolved(again)) == prefork::config::testing::text_of(options));
  return 0;
}
