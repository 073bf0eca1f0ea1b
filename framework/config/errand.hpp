#pragma once

#include <functional>
#include <string>

/// What the preparation of a configuration waits for: a file, a name server, a plugin. Any of them may never answer;
/// whoever watches the preparation can then say which one it was.
namespace prefork::config {

/// Must be called before something that may take long. @param what  "reading /etc/prefork.conf"
void begin_errand(const std::string& what);

/// Who is told in this process; empty: nobody.
using ErrandListener = std::function<void(const std::string& what)>;
/// @return the previous listener
ErrandListener on_errand(ErrandListener listener);

/// The message about an errand that takes too long.
std::string late_errand(const std::string& what);

}  // namespace prefork::config
