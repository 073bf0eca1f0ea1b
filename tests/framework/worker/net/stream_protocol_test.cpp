#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/framework/worker/harness.hpp"

// A kind of service outside the framework's own files: made of the public headers alone.
namespace prefork::worker::test {
namespace {

/// Services whose clients are all told how many have come to the listener before them.
class Turnstile : public ServiceBase {
 public:
  [[maybe_unused]] static constexpr ServiceKind kKind = ServiceKind::stream;
  static void describe_base(Manifest&) {}

  virtual std::string greeting(unsigned number) = 0;

  std::unique_ptr<prefork::Protocol> make_protocol(std::span<const Hosted> sharing) final {
    return std::make_unique<Counting>(*this, sharing.front().context);
  }

 private:
  class Counting final : public prefork::Protocol {
   public:
    Counting(Turnstile& service, Context& context) : service_(service), context_(context) {}
    Task<void> on_connection(Connection& peer) override {
      std::string text = service_.greeting(count_++);
      if (text.empty()) throw std::runtime_error("nothing to say");
      co_await peer.write(text);
    }
    void finish() noexcept override { context_.log(LogLevel::info, std::to_string(count_) + " came"); }

   private:
    Turnstile& service_;
    Context& context_;
    unsigned count_ = 0;
  };
};

struct Numbers final : Turnstile {
  std::string greeting(unsigned number) override { return number < 2 ? std::to_string(number) : ""; }
};

struct OwnKind : ServedBy<Numbers>, testing::Test {};

TEST_F(OwnKind, ServesConnectionsByItsOwnProtocol) {
  auto first = open(), second = open();
  EXPECT_EQ(receive(first.get()), "0");
  EXPECT_EQ(receive(second.get()), "1");
  auto third = open();
  EXPECT_EQ(receive(third.get()), "");
  ASSERT_EQ(log.lines.size(), 1U) << "what it throws is logged, as of a Service";
  EXPECT_TRUE(log.lines[0].ends_with(": nothing to say")) << log.lines[0];
  protocol->finish();
  EXPECT_EQ(log.lines[1], "test: 3 came");
  hang_up(first, second, third);
}

}  // namespace
}  // namespace prefork::worker::test
