#include "framework/master/generation/preparation.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sysexits.h>

#include <filesystem>

#include "framework/config/errand.hpp"
#include "framework/config/listen.hpp"
#include "framework/master/loop/startup_error.hpp"
#include "ipc/memory/shared_memory.hpp"
#include "tests/ipc/support.hpp"

namespace prefork::master {
namespace {

using namespace std::chrono_literals;

class PreparationTest : public testing::Test {
 protected:
  PreparationTest() {
    running_.options = options({"tcp://127.0.0.1:0"});
    running_.listeners = std::make_unique<ListenerSet>(running_.options);
    running_.plugins.push_back(plugin("old"));
    running_.services.push_back({0, {}, -1});
  }

  static config::Options options(const std::vector<std::string>& listen) {
    config::Options options;
    options.pools.push_back({});
    options.pools[0].name = "main";
    config::ServiceOptions service;
    service.name = "s";
    service.plugin = "new";
    for (const auto& address : listen) service.listeners.push_back(config::parse_listen(address));
    options.services.push_back(std::move(service));
    return options;
  }
  static std::shared_ptr<const SealedPlugin> plugin(const std::string& path) {
    SealedPlugin plugin;
    plugin.path = path;
    plugin.copy.reset(::memfd_create(path.c_str(), MFD_CLOEXEC));
    plugin.files.push_back({"app.txt", ipc::UniqueFd(::memfd_create("app", MFD_CLOEXEC))});
    return std::make_shared<SealedPlugin>(std::move(plugin));
  }
  /// A generation with the running one's plugin and a new one, and a listener that is new.
  Generation next() const {
    Generation next;
    next.number = 2;
    next.options = options({"tcp://127.0.0.1:0", "unix:" + socket_});
    next.plugins = {running_.plugins[0], plugin("new")};
    next.services.push_back({1, {{"key", "value"}}, -1});
    next.identities["main"] = {1, 2, {3, 4}, "somebody"};
    next.shared = plan_shared_objects(next);
    next.listeners = std::make_unique<ListenerSet>(next.options, running_.listeners.get());
    return next;
  }
  static void finish(Preparation& preparation) {
    while (test::wait_for(preparation.fd(), POLLIN) && preparation.hear()) {
    }
    preparation.ended(test::reap(preparation.pid()));
  }
  std::string failure_of(const Preparation::Work& work, int* code = nullptr) const {
    Preparation preparation(running_, work, 1h);
    finish(preparation);
    try {
      preparation.take(running_);
    } catch (const StartupError& error) {
      if (code != nullptr) *code = error.exit_code();
      return error.what();
    }
    return {};
  }

  test::TempFolder folder_;
  std::string socket_ = folder_.file("s.sock");
  Generation running_;
};

TEST_F(PreparationTest, BringsTheGenerationWithItsDescriptors) {
  Preparation preparation(
      running_, [&] { return next(); }, 1h);
  finish(preparation);
  const Generation made = preparation.take(running_);
  EXPECT_EQ(made.number, 2U);
  EXPECT_EQ(made.plugins.at(0), running_.plugins[0]) << "the same one";
  EXPECT_EQ(made.plugins.at(1)->path, "new");
  EXPECT_GE(::fcntl(made.plugins[1]->copy.get(), F_GET_SEALS), 0) << "a file of memory";
  ASSERT_EQ(made.plugins[1]->files.size(), 1U);
  EXPECT_EQ(made.plugins[1]->files[0].name, "app.txt");
  EXPECT_GE(::fcntl(made.plugins[1]->files[0].copy.get(), F_GET_SEALS), 0);
  EXPECT_EQ(made.services.at(0).plugin, 1U);
  EXPECT_EQ(made.services[0].options.at("key"), "value");
  EXPECT_EQ(made.identities.at("main").user, "somebody");
  const auto& listeners = made.listeners->listeners();
  ASSERT_EQ(listeners.size(), 2U);
  EXPECT_EQ(listeners[0].address, running_.listeners->listeners()[0].address);
  EXPECT_EQ(listeners[0].sockets[0], running_.listeners->listeners()[0].sockets[0]) << "the same one";
  EXPECT_EQ(listeners[1].address, "unix:" + socket_);
  EXPECT_EQ(listeners[1].spec.path, socket_);
  EXPECT_EQ(::fcntl(listeners[1].sockets[0]->get(), F_GETFD), FD_CLOEXEC);
  EXPECT_TRUE(std::filesystem::exists(socket_));
}

TEST_F(PreparationTest, TheFileOfANewSocketGoesWithIt) {
  Preparation preparation(
      running_, [&] { return next(); }, 1h);
  finish(preparation);
  { const Generation made = preparation.take(running_); }
  EXPECT_FALSE(std::filesystem::exists(socket_));
}

TEST_F(PreparationTest, ManyDescriptors) {
  const auto work = [&] {
    Generation many = next();
    for (int i = 0; i < 200; ++i) many.plugins.push_back(plugin(std::to_string(i)));
    return many;
  };
  Preparation preparation(running_, work, 1h);
  finish(preparation);
  const Generation made = preparation.take(running_);
  ASSERT_EQ(made.plugins.size(), 202U);
  for (int i = 0; i < 200; ++i) EXPECT_EQ(made.plugins[static_cast<std::size_t>(i) + 2]->path, std::to_string(i));
}

TEST_F(PreparationTest, WhatItThrowsIsThrown) {
  int code = 0;
  EXPECT_EQ(failure_of([]() -> Generation { throw StartupError(EX_NOUSER, "no user\nof that name"); }, &code),
            "no user\nof that name");
  EXPECT_EQ(code, EX_NOUSER);
  EXPECT_EQ(failure_of([]() -> Generation { throw std::runtime_error("something else"); }, &code), "something else");
  EXPECT_EQ(code, EX_OSERR);
}

TEST_F(PreparationTest, WhatItHadBoundIsGoneWithItsFailure) {
  const auto work = [&]() -> Generation {
    const Generation made = next();
    throw std::runtime_error("too bad");
  };
  EXPECT_EQ(failure_of(work), "too bad");
  EXPECT_FALSE(std::filesystem::exists(socket_));
}

TEST_F(PreparationTest, AnEarlyEndNamesTheErrand) {
  const auto die = []() -> Generation {
    config::begin_errand("reading /x");
    ::raise(SIGKILL);
    return {};
  };
  EXPECT_EQ(failure_of(die), "the process that prepares it was killed by SIGKILL, reading /x");
  EXPECT_EQ(failure_of([]() -> Generation { ::_exit(3); }), "the process that prepares it has ended with exit code 3");
}

TEST_F(PreparationTest, EachErrandHasItsTime) {
  const auto wait = []() -> Generation {
    config::begin_errand("reading /x");
    for (;;) ::pause();
  };
  const TimePoint before = Clock::now();
  Preparation preparation(running_, wait, 1h);
  EXPECT_GE(preparation.deadline(), before + 1h);
  EXPECT_EQ(preparation.late_sentence(), "the configuration takes too long to prepare");
  ASSERT_TRUE(test::wait_for(preparation.fd(), POLLIN));
  const TimePoint heard = Clock::now();
  EXPECT_TRUE(preparation.hear());
  EXPECT_GE(preparation.deadline(), heard + 1h) << "a new one";
  EXPECT_EQ(preparation.late_sentence(), "reading /x takes too long");
}

TEST_F(PreparationTest, IsKilledWhenItIsNotWantedAnyMore) {
  pid_t child = 0;
  {
    const Preparation preparation(
        running_,
        []() -> Generation {
          for (;;) ::pause();
        },
        1h);
    child = preparation.pid();
  }
  EXPECT_EQ(WTERMSIG(test::reap(child)), SIGKILL);
}

TEST_F(PreparationTest, HasNothingElseOfTheMastersOpen) {
  const ipc::UniqueFd secret(::memfd_create("secret", MFD_CLOEXEC));
  const int fd = secret.get();
  const auto look = [fd]() -> Generation { throw std::runtime_error(::fcntl(fd, F_GETFD) == -1 ? "closed" : "open"); };
  EXPECT_EQ(failure_of(look), "closed");
}

}  // namespace
}  // namespace prefork::master
