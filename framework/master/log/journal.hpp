#pragma once

#include <sys/types.h>

namespace prefork::master {

/// Whether standard error is a stream of the systemd journal: $JOURNAL_STREAM names its device and inode. An inherited
/// variable does not count if standard error leads elsewhere. Source: systemd.exec(5).
bool stderr_is_journal() noexcept;

/// The check for a given value of the variable, which may be null. Pure.
bool names_stream(const char* journal_stream, dev_t device, ino_t inode) noexcept;

}  // namespace prefork::master
