#include "ipc/contract/shared_layout.hpp"

// A build whose workers share something else takes the place of the library's.
namespace prefork::ipc {

std::string shared_layout() { return "prefork-layout-of-another-day 1 2 3"; }

}  // namespace prefork::ipc
