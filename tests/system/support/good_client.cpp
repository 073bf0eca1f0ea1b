#include "tests/system/support/good_client.hpp"

#include <algorithm>

namespace prefork::system_test {

GoodClient::~GoodClient() {
  over_ = true;
  thread_.join();
  EXPECT_GT(answers_, 0);
  EXPECT_EQ(failures_, 0);
  EXPECT_LT(slowest_, 5s);
}

void GoodClient::work() {
  while (!over_) {
    const auto start = std::chrono::steady_clock::now();
    try {
      Client client(address_);
      ++(body_of(get(client)) == "Hello, World!" ? answers_ : failures_);
    } catch (const std::exception& error) {
      ++failures_;
      std::printf("the good client: %s\n", error.what());
    }
    slowest_ = std::max(slowest_, std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - start));
    std::this_thread::sleep_for(2ms);
  }
}

std::string greeting(const Server& server) {
  Client client(server.address("hello"));
  return body_of(get(client));
}

std::string say(Client& client, const std::string& line) {
  std::string answer = client.send(line + "\n").receive_until("\n");
  if (!answer.empty()) answer.pop_back();
  return answer;
}

long most_rss_kib(const Server& server) {
  long most = 0;
  for (const pid_t pid : server.workers()) {
    const std::string text = proc_status(pid, "VmHWM");
    if (!text.empty()) most = std::max(most, std::stol(text));
  }
  return most;
}

}  // namespace prefork::system_test
