#pragma once

#include <chrono>
#include <string>

#include <prefork/api.hpp>
#include <prefork/task.hpp>

namespace prefork {

class Context;

/// The master's answer to a question.
struct MasterAnswer {
  bool ok = false;
  std::string json;  ///< one object without its line end: {"ok":true,...}, or {"ok":false,"error":SENTENCE,"exit":CODE}
};

/// Whether the services of this pool may ask the master anything: the pool's key `master-access`.
PREFORK_API bool may_ask_master(const Context& context) noexcept;

/// Asks the master, as preforkctl does: "status", "workers", "ipc", "metrics" and "events [N]" with `master-access =
/// read`; with `operate` also "reload [--only POOL] [--no-wait]", "scale POOL N|+N|-N" and "reopen". docs/operations.md
/// describes the answers.
///
/// The questions of one worker are answered in their order, so a "reload" without --no-wait holds up those after it.
/// Any failure (no right, no answer in time, too many questions at once, a master that is gone) is an answer that is
/// not `ok`. Worker's thread only.
/// @param command  one line of at most 1024 bytes
[[nodiscard]] PREFORK_API Task<MasterAnswer> ask_master(Context& context, std::string command,
                                                        std::chrono::milliseconds patience = std::chrono::seconds(5));

}  // namespace prefork
