#include <cstdlib>
#include <prefork/service.hpp>
#include <stdexcept>
#include <string>

namespace {

enum class Fault { crash_it, hang_it, exit_it, throw_it, warn_it };
volatile bool forever = true;

void fail(const std::string&) {
  constexpr Fault fault = FAULT;
  if (fault == Fault::crash_it) std::abort();
  if (fault == Fault::exit_it) std::_Exit(4);
  if (fault == Fault::throw_it) throw std::runtime_error("no words for it");
  if (fault == Fault::warn_it) throw prefork::OptionWarning("is an odd word");
  while (forever) {
  }
}

/// Does in describe(), or in the check of its option, what FAULT says.
class BadDescribe final : public prefork::Service {
 public:
  static void describe(prefork::Manifest& manifest) {
#ifdef IN_CHECK
    manifest.required_text("word", "", &fail);
#else
    fail(manifest.summary());
#endif
  }
};

}  // namespace

PREFORK_SERVICE(BadDescribe)
