#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <stdexcept>

#include <prefork/testing.hpp>

#include "framework/testing/stage.hpp"

namespace prefork::testkit {
namespace {

bool same_name(std::string_view a, std::string_view b) noexcept {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

Answer parse_head(std::string_view head) {
  Answer answer;
  const std::string_view line = head.substr(0, head.find("\r\n"));
  if (!line.starts_with("HTTP/1.") || line.size() < 12)
    throw std::runtime_error("no HTTP response: " + std::string(line));
  std::from_chars(line.data() + 9, line.data() + 12, answer.status);
  head.remove_prefix(line.size() + 2);
  while (!head.starts_with("\r\n")) {
    const std::string_view field = head.substr(0, head.find("\r\n"));
    const std::size_t colon = std::min(field.find(':'), field.size());
    answer.headers.emplace_back(field.substr(0, colon), field.substr(std::min(colon + 2, field.size())));
    head.remove_prefix(field.size() + 2);
  }
  return answer;
}

}  // namespace

std::optional<std::string_view> Answer::header(std::string_view name) const noexcept {
  for (const auto& [its_name, value] : headers) {
    if (same_name(its_name, name)) return value;
  }
  return std::nullopt;
}

Client::~Client() {
  if (fd_ >= 0) ::close(fd_);
}

Client& Client::send(std::string_view bytes) {
  tester_.stage_->run_until(
      [&] {
        const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n > 0) bytes.remove_prefix(static_cast<std::size_t>(n));
        return bytes.empty() || (n == -1 && errno != EAGAIN);  // a service that has closed takes no more
      },
      "the service to take what is sent");
  return *this;
}

/// @return false: at the end
bool Client::fill() {
  ssize_t n = -1;
  std::array<char, 16384> chunk;
  tester_.stage_->run_until(
      [&] {
        n = ::recv(fd_, chunk.data(), chunk.size(), 0);
        return n >= 0 || errno != EAGAIN;
      },
      "the service to answer; so far: " + received_.substr(0, 200));
  if (n > 0) received_.append(chunk.data(), static_cast<std::size_t>(n));
  return n > 0;
}

std::string Client::receive_until(std::string_view end) {
  std::size_t at;
  while ((at = received_.find(end)) == std::string::npos) {
    if (!fill()) throw std::runtime_error("the service has closed after: " + received_.substr(0, 200));
  }
  std::string text = received_.substr(0, at + end.size());
  received_.erase(0, text.size());
  return text;
}

std::string Client::receive(std::size_t bytes) {
  while (received_.size() < bytes) {
    if (!fill()) throw std::runtime_error("the service has closed after: " + received_.substr(0, 200));
  }
  std::string text = received_.substr(0, bytes);
  received_.erase(0, bytes);
  return text;
}

std::string Client::receive_to_end() {
  while (fill()) {
  }
  return std::exchange(received_, {});
}

Answer Client::receive_answer(bool head_only) {
  Answer answer = parse_head(receive_until("\r\n\r\n"));
  if (head_only || answer.status < 200 || answer.status == 204 || answer.status == 304) return answer;
  if (const auto length = answer.header("Content-Length")) {
    std::size_t bytes = 0;
    std::from_chars(length->data(), length->data() + length->size(), bytes);
    answer.body = receive(bytes);
  } else if (answer.header("Transfer-Encoding")) {
    for (std::size_t bytes = 1; bytes > 0;) {
      const std::string size = receive_until("\r\n");
      std::from_chars(size.data(), size.data() + size.size(), bytes, 16);
      if (bytes > 0) answer.body += receive(bytes + 2).substr(0, bytes);
    }
    while (receive_until("\r\n") != "\r\n") {
    }
  } else {
    answer.body = receive_to_end();
  }
  return answer;
}

void Client::finish_sending() { ::shutdown(fd_, SHUT_WR); }

ServiceTester::ServiceTester(const Manifest& manifest, ServiceKind kind, std::unique_ptr<ServiceBase> service,
                             const Options& options)
    : stage_(std::make_unique<Stage>(manifest, kind, std::move(service), options)) {}
ServiceTester::ServiceTester(ServiceTester&&) noexcept = default;
ServiceTester::~ServiceTester() = default;

Client ServiceTester::connect() { return Client(*this, stage_->connect()); }

std::string ServiceTester::exchange(std::string_view bytes) {
  Client client = connect();
  client.send(bytes);
  client.finish_sending();
  return client.receive_to_end();
}

Answer ServiceTester::request(std::string_view method, std::string_view target, std::string_view body,
                              const std::vector<std::pair<std::string, std::string>>& headers) {
  std::string text;
  text.append(method).append(" ").append(target).append(" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
  for (const auto& [name, value] : headers) text.append(name).append(": ").append(value).append("\r\n");
  if (!body.empty()) text.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n");
  text.append("\r\n").append(body);
  Client client = connect();
  client.send(text);
  return client.receive_answer(method == "HEAD");
}

void ServiceTester::run_until(const std::function<bool()>& done, std::string_view what) {
  stage_->run_until(done, what);
}
void ServiceTester::drain() { stage_->drain(); }
ServiceBase& ServiceTester::service() const noexcept { return stage_->service(); }
Context& ServiceTester::context() const noexcept { return stage_->context(); }
const std::vector<std::string>& ServiceTester::log() const noexcept { return stage_->lines(); }

}  // namespace prefork::testkit
