// Goal: services share objects between workers and pools; what a killed worker held is available to the others at once;
// operators see which objects exist, who holds them and what was lost; bad sizes are refused with their place in the
// file.
#include <signal.h>

#include <map>

#include "tests/system/support/good_client.hpp"
#include "tests/system/support/harness.hpp"

namespace prefork::system_test {
namespace {

std::string config(int workers, const std::string& more = "") {
  return "[pool main]\nworkers = " + std::to_string(workers) +
         "\n[service web]\nplugin = {plugins}/sharing.so\nlisten = tcp://127.0.0.1:0\n" + more;
}

struct Member {
  Client client;
  pid_t pid;
};

/// A connection to each worker, by its index.
std::map<int, Member> members(const Server& server, std::size_t workers) {
  const Address address = server.address("web");
  std::map<int, Member> all;
  std::vector<Client> others;  // a worker that has none yet gets the next one
  for (int i = 0; i < 200 && all.size() < workers; ++i) {
    Client client(address);
    const std::string who = say(client, "who");
    const int index = std::stoi(who), pid = std::stoi(who.substr(who.find(' ')));
    if (all.count(index) > 0) {
      others.push_back(std::move(client));
    } else {
      all.emplace(index, Member{std::move(client), pid});
    }
  }
  EXPECT_EQ(all.size(), workers);
  return all;
}

Json object(const Server& server, const std::string& name) {
  const Json answer = server.tell("ipc");
  for (const auto& entry : answer["objects"]) {
    if (entry["name"] == name) return entry;
  }
  return {};
}

/// Waits for a worker with that index that is another process than `before`.
Member successor(const Server& server, int index, pid_t before) {
  std::optional<Member> found;
  std::vector<Client> others;  // a worker that has none yet gets the next one
  EXPECT_TRUE(eventually([&] {
    Client client(server.address("web"));
    const std::string who = say(client, "who");
    if (who.empty()) return false;
    const int pid = std::stoi(who.substr(who.find(' ')));
    if (std::stoi(who) == index && pid != before) {
      found.emplace(Member{std::move(client), pid});
    } else {
      others.push_back(std::move(client));
    }
    return found.has_value();
  }));
  return std::move(*found);
}

constexpr int kLetters = 20'000;

std::string many_letters() {
  return "[pool main]\nworkers = 1\n[service bulk]\nplugin = {plugins}/bulk.so\nlisten = tcp://127.0.0.1:0\n"
         "jobs-capacity = 32768\njobs-dead-letters = 32768\n";
}

// The work is the master's own: nobody need wait for its end.
TEST(SharedObjects, WhatIsPutBackIsPutBackThoughNobodyWaitsForTheAnswer) {
  Server server(many_letters());
  server.ready(1);
  Client client(server.address("bulk"));
  EXPECT_EQ(say(client, "bury " + std::to_string(kLetters)), std::to_string(kLetters));
  {
    Client asker(Address("unix:" + server.control_path()));
    asker.send("queue requeue bulk.jobs\n");
    EXPECT_EQ(server.status()["ok"], true);
  }
  EXPECT_TRUE(server.logged("queue command: queue bulk.jobs: 20000 dead letters put back"));
  EXPECT_EQ(object(server, "bulk.jobs")["fill"], kLetters);
}

TEST(SharedObjects, AnUpgradeWaitsForWhatIsBeingDone) {
  Server server(many_letters());
  server.ready(1);
  Client client(server.address("bulk"));
  EXPECT_EQ(say(client, "bury " + std::to_string(kLetters)), std::to_string(kLetters));
  Client asker(Address("unix:" + server.control_path()));
  asker.send("queue requeue bulk.jobs\n");
  server.signal(SIGUSR2);
  EXPECT_EQ(Json::parse(asker.receive_until("\n"))["message"], "queue bulk.jobs: 20000 dead letters put back");
  EXPECT_TRUE(server.logged("upgraded: "));
  EXPECT_EQ(object(server, "bulk.jobs")["fill"], kLetters);
  EXPECT_TRUE(server.stops_clean());
}

TEST(SharedObjects, GoFromWorkerToWorker) {
  Server server(config(2));
  server.ready(2);
  auto all = members(server, 2);
  Client &a = all.at(0).client, &b = all.at(1).client;
  b.send("get\n");
  EXPECT_EQ(say(a, "put one"), "done");
  EXPECT_EQ(b.receive_until("\n"), "one (1)\n");
  b.send("wait\n");
  EXPECT_EQ(say(a, "set"), "done");
  EXPECT_EQ(b.receive_until("\n"), "done\n");
  EXPECT_EQ(say(a, "lock"), "done");
  b.send("lock\n");
  EXPECT_TRUE(eventually([&] { return object(server, "web.door")["waiters"] == 1; }));
  EXPECT_EQ(say(a, "release"), "done");
  EXPECT_EQ(b.receive_until("\n"), "done\n");
  EXPECT_EQ(say(a, "incr x"), "1");
  EXPECT_EQ(say(b, "incr x"), "2");
  EXPECT_GE(std::stoi(say(a, "hits")), 5);
  EXPECT_TRUE(server.stops_clean());
}

TEST(SharedObjects, WhatAKilledWorkerHeldIsThereForOthersAtOnce) {
  Server server(config(2));
  server.ready(2);
  auto all = members(server, 2);
  Client &a = all.at(0).client, &b = all.at(1).client;
  say(a, "put one");
  say(a, "put two");
  EXPECT_EQ(say(a, "take"), "one (1)");
  EXPECT_EQ(say(a, "acquire"), "done");
  EXPECT_EQ(say(a, "acquire"), "done");
  EXPECT_EQ(say(a, "lock"), "done");
  Client c(server.address("web"));
  b.send("acquire\n");
  EXPECT_TRUE(eventually([&] { return object(server, "gate")["waiters"] == 1; }));
  const Json holders = object(server, "gate")["holders"];
  EXPECT_EQ(holders[0]["worker"], "main/0") << holders;
  ASSERT_EQ(::kill(all.at(0).pid, SIGKILL), 0);
  EXPECT_EQ(b.receive_until("\n"), "owner died\n");
  EXPECT_EQ(say(b, "lock"), "owner died");
  EXPECT_EQ(say(b, "get"), "one (2)");
  EXPECT_EQ(say(b, "get"), "two (1)");
  EXPECT_TRUE(server.logged("left 1 message of queue jobs"));
  EXPECT_EQ(object(server, "gate")["repairs"], 2);
  EXPECT_TRUE(server.stops_clean());
}

TEST(SharedObjects, DeadLettersAreListedRequeuedAndDropped) {
  Server server(config(1));
  server.ready(1);
  auto all = members(server, 1);
  Client& a = all.at(0).client;
  say(a, "put poison");
  for (int i = 1; i <= 2; ++i) {
    EXPECT_EQ(say(a, "take"), "poison (" + std::to_string(i) + ")");
    say(a, "nack");
  }
  EXPECT_EQ(say(a, "look"), "none");
  EXPECT_THAT(server.ctl({"queue", "list", "jobs"}).out, testing::HasSubstr("poison"));
  EXPECT_THAT(server.ctl({"ipc"}).out, testing::HasSubstr("dead letters 1"));
  const Outcome requeued = server.ctl({"queue", "requeue", "jobs"});
  EXPECT_EQ(requeued.code, 0) << requeued.err;
  EXPECT_EQ(say(a, "get"), "poison (1)");
  say(a, "put more");
  for (int i = 0; i < 2; ++i) say(a, "take"), say(a, "nack");
  EXPECT_EQ(say(a, "look"), "none");
  EXPECT_EQ(server.ctl({"queue", "drop", "jobs"}).code, 0);
  EXPECT_THAT(server.ctl({"queue", "list", "jobs"}).out, testing::Not(testing::HasSubstr("more")));
  const Outcome unknown = server.ctl({"queue", "list", "jbos"});
  EXPECT_NE(unknown.code, 0);
  EXPECT_THAT(unknown.err, testing::HasSubstr("\"jobs\""));
  EXPECT_TRUE(server.stops_clean());
}

TEST(SharedObjects, AMessageThatIsHeldTooLongIsLoggedWithItsHolder) {
  Server server(config(1));
  server.ready(1);
  auto all = members(server, 1);
  say(all.at(0).client, "put slow");
  say(all.at(0).client, "take");
  EXPECT_TRUE(server.logged("queue jobs: a message is held for "));
  EXPECT_THAT(server.log(), testing::ContainsRegex("by worker main/0 .pid " + std::to_string(all.at(0).pid) +
                                                   "., taken for web: connection of 127.0.0.1:[0-9]+"));
  say(all.at(0).client, "nack");
  EXPECT_TRUE(server.stops_clean());
}

TEST(SharedObjects, AChannelOutlivesItsEnds) {
  Server server(config(2));
  server.ready(2);
  auto all = members(server, 2);
  EXPECT_EQ(say(all.at(0).client, "send ping"), "done");
  EXPECT_EQ(say(all.at(1).client, "receive"), "ping (1)");
  ASSERT_EQ(::kill(all.at(1).pid, SIGKILL), 0);
  Member next = successor(server, 1, all.at(1).pid);
  EXPECT_EQ(say(next.client, "receive ack"), "ping (2)");
  EXPECT_EQ(say(next.client, "send pong"), "done");
  EXPECT_EQ(say(all.at(0).client, "receive ack"), "pong (1)");
  EXPECT_TRUE(server.stops_clean());
}

TEST(SharedObjects, SignalsReachWorkersAndOperatorsTheirs) {
  Server server(config(2));
  server.ready(2);
  auto all = members(server, 2);
  EXPECT_EQ(say(all.at(0).client, "signal main/1 hello"), "done");
  EXPECT_EQ(say(all.at(1).client, "heard"), "hello of 0;");
  ASSERT_EQ(::kill(all.at(1).pid, SIGUSR1), 0);
  EXPECT_EQ(say(all.at(1).client, "heard"), "USR1;");
  ASSERT_EQ(::kill(all.at(0).pid, SIGUSR2), 0);
  EXPECT_EQ(say(all.at(0).client, "who"), "0 " + std::to_string(all.at(0).pid)) << "nobody listens: ignored";
  EXPECT_TRUE(server.stops_clean());
}

TEST(SharedObjects, PoolsShareWhatTheServerOwnsAndABlockingServiceWaitsForIt) {
  Server server(config(1,
                       "[pool classic]\nworkers = 1\n[service classic]\nplugin = {plugins}/sharing_blocking.so\npool = "
                       "classic\nlisten = tcp://127.0.0.1:0\n"));
  server.ready(1, "main").ready(1, "classic");
  auto all = members(server, 1);
  Client& a = all.at(0).client;
  Client blocking(server.address("classic"));
  EXPECT_EQ(say(blocking, "short"), "none");
  blocking.send("get\n");
  EXPECT_TRUE(eventually([&] { return object(server, "jobs")["waiters"] == 1; }));
  EXPECT_EQ(say(a, "put over"), "done");
  EXPECT_EQ(blocking.receive_until("\n"), "over (1)\n");
  EXPECT_EQ(say(a, "acquire"), "done");
  EXPECT_EQ(say(a, "acquire"), "done");
  blocking.send("gate\n");
  EXPECT_TRUE(eventually([&] { return object(server, "gate")["waiters"] == 1; }));
  EXPECT_EQ(say(a, "release"), "done");
  EXPECT_EQ(blocking.receive_until("\n"), "done\n");
  // A wait without time-out does not keep the server from stopping.
  blocking.send("get for ever\n");
  EXPECT_TRUE(eventually([&] { return object(server, "jobs")["waiters"] == 1; }));
  EXPECT_TRUE(server.stops_clean());
}

TEST(SharedObjects, NobodyWaitsLongerThanTheServerLives) {
  Server server(config(2));
  server.ready(2);
  auto all = members(server, 2);
  for (auto& [index, member] : all) member.client.send("get\n");
  EXPECT_TRUE(eventually([&] { return object(server, "jobs")["waiters"] == 2; }));
  server.signal(SIGKILL);
  EXPECT_TRUE(server.process().group_gone()) << "workers end with their master";
}

struct BadSize {
  const char* line;
  const char* sentence;
};

TEST(SharedObjects, BadSizesAreRefusedWhereTheyStand) {
  const BadSize cases[] = {
      {"jobs-capacity = 1000", "jobs-capacity"},
      {"jobs-capacity = 0", "jobs-capacity"},
      {"jobs-message-bytes = 0", "jobs-message-bytes"},
      {"gate-permits = 0", "gate-permits"},
      {"news-capacity = 3", "news-capacity"},
      {"rows-rows = 0", "rows-rows"},
      {"jobs-capcity = 8", "jobs-capacity"},
      {"jobs-capacity = 1048576\njobs-message-bytes = 16MiB", "jobs"},
  };
  for (const auto& [line, sentence] : cases) {
    TempDir dir;
    std::string text = config(1, std::string(line) + "\n");
    text.replace(text.find("{plugins}"), 9, kTestPlugins);
    const Outcome outcome = start_with(dir, "[master]\n" + text);
    EXPECT_EQ(outcome.code, 78) << line << ": " << outcome.err;
    EXPECT_THAT(outcome.err, testing::HasSubstr(sentence)) << line;
    EXPECT_EQ(count(outcome.err, "\n"), 1U) << outcome.err;
  }
}

}  // namespace
}  // namespace prefork::system_test
