#pragma once

#include <stdexcept>
#include <string>
#include <utility>

#include <prefork/api.hpp>
#include <prefork/http/status.hpp>

namespace prefork::http {

/// Thrown by a handler, or by what it calls, to answer with an error page: `throw Error(Status::not_found)`. Statuses
/// of 500 and above are logged; others are the client's fault. Anything else that a handler throws is a 500.
class PREFORK_API Error : public std::runtime_error {
 public:
  /// @param detail  one sentence for the client, below the status; empty: none
  explicit Error(Status status, std::string detail = {});
  ~Error() override;

  Status status() const noexcept { return status_; }
  const std::string& detail() const noexcept { return detail_; }

 private:
  Status status_;
  std::string detail_;
};

}  // namespace prefork::http
