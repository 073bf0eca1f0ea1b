#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

/// The data of `preforkctl ipc` and `preforkctl queue list`, and its JSON. Pure.
namespace prefork::master {

struct SharedHolder {
  std::string worker;  ///< "main/0"
  std::uint64_t count = 0;
};

struct SharedStatus {
  std::string name;
  std::string kind;
  std::string shape;  ///< "1024 messages of 256 bytes"; empty: the kind has no sizes
  std::uint64_t bytes = 0;
  std::int64_t fill = 0;
  std::uint64_t limit = 0;  ///< zero: the kind has none
  std::uint64_t waiters = 0;
  std::vector<SharedHolder> holders;
  std::uint64_t more_holders = 0;  ///< holders that are not listed
  std::uint64_t repairs = 0;
  std::vector<std::pair<std::string, std::uint64_t>> losses;
};

/// The beginning of an undeliverable message.
struct DeadLetterStatus {
  std::uint64_t number = 0;
  std::uint32_t deliveries = 0;
  std::size_t bytes = 0;  ///< of the whole message
  std::string start;      ///< printable ASCII; any other byte is \xNN
};

/// @return the answer line to `ipc`, with its line end: {"ok":true,"objects":[...]}
std::string ipc_answer(const std::vector<SharedStatus>& objects);

/// @return the answer line to `queue list`: {"ok":true,"queue":NAME,"total":N,"letters":[...]}
std::string dead_letters_answer(const std::string& queue, std::size_t total,
                                const std::vector<DeadLetterStatus>& letters);

}  // namespace prefork::master
