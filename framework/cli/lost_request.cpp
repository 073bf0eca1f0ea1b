#include "framework/cli/lost_request.hpp"

#include <ctime>
#include <stdexcept>

#include "framework/http/server/access_format.hpp"

namespace prefork::cli {

std::string lost_request_line(const master::LostRequest& request) {
  const auto& options = request.generation->services.at(request.service).options;
  const auto format = options.find("access-log-format");
  if (format == options.end()) return {};
  http::AccessRecord record;
  record.line = request.line;
  record.status = http::Status::internal_server_error;
  record.client = request.client;
  record.microseconds = request.microseconds;
  record.when = std::time(nullptr);
  record.complete = false;
  record.process = request.pid;
  std::string line;
  try {
    const http::AccessSource source{request.generation->options.services.at(request.service).name, request.worker};
    http::AccessFormat(format->second).append(record, source, line);
  } catch (const std::invalid_argument&) {  // no worker of the service has started with this format
    return {};
  }
  return line;
}

}  // namespace prefork::cli
