#include <prefork/http/status.hpp>

#include "framework/http/wire/status_lines.hpp"

namespace prefork::http {

std::string_view reason(Status status) noexcept {
  switch (status) {
#define PREFORK_REASON(number, phrase) \
  case static_cast<Status>(number):    \
    return phrase;
    PREFORK_STATUS_TABLE(PREFORK_REASON)
#undef PREFORK_REASON
  }
  return {};
}

std::string_view status_line(Status status) noexcept {
  switch (status) {
#define PREFORK_LINE(number, phrase) \
  case static_cast<Status>(number):  \
    return "HTTP/1.1 " #number " " phrase "\r\nServer: prefork\r\n";
    PREFORK_STATUS_TABLE(PREFORK_LINE)
#undef PREFORK_LINE
  }
  return {};
}

}  // namespace prefork::http
