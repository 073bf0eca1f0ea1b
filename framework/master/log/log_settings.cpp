#include "framework/master/log/log_settings.hpp"

namespace prefork::master {

LogSettings log_settings(const config::MasterOptions& options) {
  return {options.log, log_level(options.log_level), options.log_format == "json" ? LogFormat::json : LogFormat::text,
          options.syslog_facility, options.syslog_socket};
}

LogLevel log_threshold(const config::Options& options, std::size_t service) {
  return log_level(options.services.at(service).log_level.value_or(options.master.log_level));
}

}  // namespace prefork::master
