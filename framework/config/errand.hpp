#pragma once

#include <functional>
#include <string>

/// What is waited for while a configuration is prepared: a file, a name server, a plugin. Any of them may never answer;
/// who watches over the preparation can then say which it was.
namespace prefork::config {

/// Said before something that may take its time. @param what  "reading /etc/prefork.conf"
void begin_errand(const std::string& what);

/// Who hears of it in this process; empty: nobody.
using ErrandListener = std::function<void(const std::string& what)>;
/// @return who heard of it before
ErrandListener on_errand(ErrandListener listener);

/// What is said of one that takes too long.
std::string late_errand(const std::string& what);

}  // namespace prefork::config
