#pragma once

#include <sys/types.h>

namespace prefork::master {

/// Whether standard error is a stream of the systemd journal: $JOURNAL_STREAM names its device and inode. A variable
/// that was inherited by someone whose standard error leads elsewhere does not count. Source: systemd.exec(5).
bool stderr_is_journal() noexcept;

/// The same for a variable's value, which may be null. Pure.
bool names_stream(const char* journal_stream, dev_t device, ino_t inode) noexcept;

}  // namespace prefork::master
