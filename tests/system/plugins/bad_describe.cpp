#include <cstdlib>
#include <prefork/service.hpp>
#include <stdexcept>

namespace {

enum class Fault { crash_it, hang_it, exit_it, throw_it };
volatile bool forever = true;

/// Does in describe() what FAULT says.
class BadDescribe final : public prefork::Service {
 public:
  static void describe(prefork::Manifest&) {
    constexpr Fault fault = FAULT;
    if (fault == Fault::crash_it) std::abort();
    if (fault == Fault::exit_it) std::_Exit(4);
    if (fault == Fault::throw_it) throw std::runtime_error("no words for it");
    while (forever) {
    }
  }
};

}  // namespace

PREFORK_SERVICE(BadDescribe)
