// Goal: the chat works across workers: everyone receives everyone's messages, names are unique, the departure of killed
// workers' members is announced at once and only once, no message is lost or doubled, and no input does harm.
#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <set>

#include "tests/system/support/harness.hpp"

namespace prefork::system_test {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr std::size_t kCrowd = 60;
#else
constexpr std::size_t kCrowd = 200;
#endif

std::string config(int workers, const std::string& more = "") {
  return "[pool main]\nworkers = " + std::to_string(workers) +
         "\n[service chat]\nplugin = chat\nlisten = tcp://127.0.0.1:0\nlisten = udp://127.0.0.1:0\n" + more;
}

const std::string kAsk = "* what is your name?";

/// One TCP client, line by line.
class Talker {
 public:
  explicit Talker(const Server& server) : client_(server.address("chat")) {}
  Talker(const Server& server, const std::string& name) : Talker(server) {
    EXPECT_EQ(line(), kAsk);
    say(name);
    line_of(name + " joined");
  }

  Talker& say(const std::string& text) {
    client_.send(text + "\n");
    return *this;
  }
  /// The next line; "" at the end.
  std::string line() {
    while (lines_.empty()) {
      const std::string chunk = client_.receive();
      if (chunk.empty()) return "";
      for (const char c : chunk) {
        if (c != '\n') {
          partial_ += c;
          continue;
        }
        lines_.push_back(partial_);
        partial_.clear();
      }
    }
    const std::string next = lines_.front();
    lines_.pop_front();
    return next;
  }
  /// Reads up to a line. @return those before it
  std::vector<std::string> line_of(const std::string& wanted) {
    std::vector<std::string> before;
    for (;;) {
      const std::string next = line();
      if (next == wanted) return before;
      before.push_back(next);
      if (next.empty()) throw std::runtime_error("the end came before: " + wanted);
    }
  }
  Client& client() { return client_; }

 private:
  Client client_;
  std::deque<std::string> lines_;
  std::string partial_;
};

std::map<pid_t, int> connections(const Server& server) {
  std::map<pid_t, int> counts;
  for (const auto& worker : server.worker_list()) {
    counts[worker["pid"].get<pid_t>()] = worker["connections"].get<int>();
  }
  return counts;
}

/// Members NAME0, NAME1 ... of each worker at least one, by the worker's pid.
std::multimap<pid_t, std::pair<std::string, std::unique_ptr<Talker>>> spread(const Server& server, std::size_t workers,
                                                                             const std::string& name) {
  std::multimap<pid_t, std::pair<std::string, std::unique_ptr<Talker>>> all;
  std::set<pid_t> met;
  for (int i = 0; i < 100 && met.size() < workers; ++i) {
    const auto before = connections(server);
    const std::string own = name + std::to_string(i);
    auto talker = std::make_unique<Talker>(server, own);
    pid_t where = 0;
    EXPECT_TRUE(eventually([&] {
      for (const auto& [pid, count] : connections(server)) {
        if (before.count(pid) > 0 && count > before.at(pid)) where = pid;
      }
      return where != 0;
    }));
    met.insert(where);
    all.emplace(where, std::make_pair(own, std::move(talker)));
  }
  EXPECT_EQ(met.size(), workers);
  return all;
}

/// The next lines, this many, that say that somebody left, in any order.
std::multiset<std::string> leavings(Talker& witness, std::size_t number) {
  std::multiset<std::string> left;
  while (left.size() < number) {
    const std::string line = witness.line();
    if (line.empty()) break;
    if (line.ends_with(" left")) left.insert(line);
  }
  return left;
}

TEST(Chat, NamesAreBorneOnceAndBadOnesAreAskedAgain) {
  Server server(config(2));
  server.ready(2);
  Talker ada(server, "Ada");
  Talker other(server);
  EXPECT_EQ(other.line(), kAsk);
  EXPECT_EQ(other.say("ada").line(), "* \"ada\" is taken: what is your name?");
  EXPECT_EQ(other.say("").line(), "* a name has 1 to 32 bytes: what is your name?");
  EXPECT_EQ(other.say(std::string(33, 'x')).line(), "* a name has 1 to 32 bytes: what is your name?");
  EXPECT_EQ(other.say("/who").line(), "* a name does not begin with '/' or '*': what is your name?");
  EXPECT_EQ(other.say("a b").line(), "* a name has no blanks and no invisible characters: what is your name?");
  EXPECT_EQ(other.say("a\x1b").line(), "* a name has no control characters: what is your name?");
  EXPECT_EQ(other.say("\xff\xfe").line(), "* that is not valid UTF-8: what is your name?");
  other.say("Zo\xc3\xab\r");
  EXPECT_EQ(other.line(), "Zo\xc3\xab joined");
  EXPECT_EQ(ada.line(), "Zo\xc3\xab joined");
  Talker stubborn(server);
  EXPECT_EQ(stubborn.line(), kAsk);
  for (int i = 0; i < 10; ++i) stubborn.say("ADA").line();
  EXPECT_EQ(stubborn.line(), "");
  EXPECT_TRUE(server.stops_clean());
}

TEST(Chat, EveryoneHearsEveryoneOnWhateverWorker) {
  Server server(config(2));
  server.ready(2);
  auto members = spread(server, 2, "m");
  Talker& first = *members.begin()->second.second;
  Talker& last = *members.rbegin()->second.second;
  const std::string first_name = members.begin()->second.first, last_name = members.rbegin()->second.first;
  first.say("hello");
  EXPECT_NO_THROW(last.line_of(first_name + ": hello"));
  last.say("  \xe4\xbd\xa0\xe5\xa5\xbd\tback ");
  EXPECT_NO_THROW(first.line_of(last_name + ": \xe4\xbd\xa0\xe5\xa5\xbd back"));
  first.say("/msg " + last_name + " just you");
  EXPECT_NO_THROW(first.line_of("* to " + last_name + ": just you"));
  EXPECT_NO_THROW(last.line_of(first_name + " (only to you): just you"));
  for (auto& [pid, member] : members) {
    member.second->say("/who");
    std::string who = "* " + std::to_string(members.size()) + " here:";
    for (std::size_t i = 0; i < members.size(); ++i) who += " m" + std::to_string(i);
    if (members.size() <= 10) {
      EXPECT_NO_THROW(member.second->line_of(who));
    }
  }
  first.say("/msg nobody x");
  EXPECT_EQ(first.line(), "* there is no nobody");
  first.say("/msg");
  EXPECT_EQ(first.line(), "* write /msg NAME TEXT");
  first.say("/nonsense");
  EXPECT_EQ(first.line(), "* there are: /who, /msg NAME TEXT, /quit");
  first.say("/quit");
  EXPECT_EQ(first.line(), "* goodbye");
  EXPECT_EQ(first.line(), "");
  EXPECT_TRUE(last.line_of(first_name + " left").empty());
  Talker again(server, first_name);
  EXPECT_TRUE(last.line_of(first_name + " joined").empty());
  again.client().reset();
  EXPECT_TRUE(last.line_of(first_name + " left").empty());
  EXPECT_TRUE(server.stops_clean());
}

TEST(Chat, ANewcomerGetsTheLastMessagesOnce) {
  Server server(config(2, "history = 3\n"));
  server.ready(2);
  auto members = spread(server, 2, "m");
  Talker& first = *members.begin()->second.second;
  const std::string name = members.begin()->second.first;
  for (int i = 0; i < 5; ++i) first.say(std::to_string(i));
  for (auto& [pid, member] : members) member.second->line_of(name + ": 4");
  // Whatever the worker; then a worker that was not there when it was said.
  const std::vector<std::string> history{name + ": 2", name + ": 3", name + ": 4"};
  const auto look = [&](const std::string& as) {
    Talker newcomer(server);
    EXPECT_EQ(newcomer.line(), kAsk);
    auto before = newcomer.say(as).line_of(as + " joined");
    // Members who were here before may be announced as gone only now, as far as this worker has heard.
    std::erase_if(before, [](const std::string& line) { return line.ends_with(" left") || line.ends_with(" joined"); });
    EXPECT_EQ(before, history);
  };
  for (int i = 0; i < 4; ++i) look("n" + std::to_string(i));
  for (const pid_t pid : server.workers()) ::kill(pid, SIGKILL);
  for (auto& [pid, member] : members) EXPECT_TRUE(member.second->client().closed());
  server.ready(2);
  for (int i = 0; i < 4; ++i) look("o" + std::to_string(i));
  EXPECT_TRUE(server.stops_clean());
}

TEST(Chat, MembersOfAKilledWorkerAreSeenOffOnceAndTheirNamesAreFree) {
  Server server(config(2));
  server.ready(2);
  auto members = spread(server, 2, "m");
  const pid_t victim = members.begin()->first, survivor = members.rbegin()->first;
  Talker& witness = *members.find(survivor)->second.second;
  ASSERT_EQ(::kill(victim, SIGKILL), 0);
  std::multiset<std::string> wanted;
  for (auto [at, end] = members.equal_range(victim); at != end; ++at) wanted.insert(at->second.first + " left");
  EXPECT_EQ(leavings(witness, wanted.size()), wanted);
  for (auto [at, end] = members.equal_range(victim); at != end; ++at) {
    EXPECT_TRUE(at->second.second->client().closed());
    Talker again(server, at->second.first);
    EXPECT_TRUE(witness.line_of(at->second.first + " joined").empty()) << "and nobody was seen off twice";
    again.say("/quit");
    EXPECT_TRUE(witness.line_of(at->second.first + " left").empty());
  }
  EXPECT_TRUE(server.stops_clean());
}

TEST(Chat, AMemberOutlivesTheWillThatItWasIn) {
  Server server(config(2, "will-renewal = 1ms\n"), {.master = "log-level = debug"});
  server.ready(2);
  auto members = spread(server, 2, "m");
  ASSERT_TRUE(eventually([&] { return count(server.log(), "a new will") >= 4; }));
  const pid_t victim = members.begin()->first, survivor = members.rbegin()->first;
  Talker& witness = *members.find(survivor)->second.second;
  ASSERT_EQ(::kill(victim, SIGKILL), 0);
  std::multiset<std::string> wanted;
  for (auto [at, end] = members.equal_range(victim); at != end; ++at) wanted.insert(at->second.first + " left");
  EXPECT_EQ(leavings(witness, wanted.size()), wanted);
  witness.say("/who");
  std::string who;
  while (!who.starts_with("* ")) who = witness.line();
  EXPECT_EQ(who.substr(0, 3), "* " + std::to_string(members.count(survivor)));
  EXPECT_TRUE(server.stops_clean());
}

TEST(Chat, DatagramsComeSpeakAndGo) {
  Server server(config(2, "udp-ttl = 2s\n"));
  server.ready(2);
  Talker ada(server, "ada");
  const Address desk = server.address("chat", 1);
  Client eve(desk), mallory(desk);
  const auto ask = [](Client& client, const std::string& datagram) { return client.send(datagram).receive(); };
  EXPECT_EQ(ask(eve, "C eve too early"), "you are not here as eve: send L eve");
  EXPECT_EQ(ask(eve, "L ada"), "ada is taken");
  EXPECT_EQ(ask(eve, "L e:e"), "a name has no ':' and no ','");
  EXPECT_EQ(ask(eve, "L eve\n"), "OK");
  EXPECT_EQ(ada.line(), "eve joined");
  EXPECT_EQ(ask(eve, "L eve"), "OK") << "asked again, since the answer may have been lost";
  EXPECT_EQ(ask(mallory, "L EVE"), "EVE is taken");
  EXPECT_EQ(ask(mallory, "C eve I am not eve"), "you are not here as eve: send L eve");
  EXPECT_EQ(ask(mallory, "Q eve"), "you are not here as eve: send L eve");
  EXPECT_EQ(ask(eve, "C eve hello  there"), "OK");
  EXPECT_EQ(ada.line(), "eve: hello  there");
  EXPECT_EQ(ask(eve, "C eve"), "there is no text");
  EXPECT_EQ(ask(eve, "C eve \x1b[2J"), "that has control characters");
  EXPECT_EQ(ask(eve, "C eve \xc0\xaf"), "that is not valid UTF-8");
  EXPECT_EQ(ask(eve, "C eve " + std::string(1025, 'x')), "a text has at most 1024 bytes");
  EXPECT_EQ(ask(eve, "C " + std::string(60'000, 'x')), "a text has at most 1024 bytes");
  for (const std::string& nonsense :
       {std::string(60'000, 'x'), std::string("\0\1\2", 3), std::string("OK"),
        std::string("a text has at most 1 bytes"), std::string(), std::string("Late is no command"),
        std::string("you are not here as eve: send L eve")}) {
    eve.send(nonsense);
  }
  EXPECT_EQ(ask(eve, "Q eve now"), "a name has no blanks: send Q NAME") << "no answer to what is no command";
  ada.say("/msg eve hear?");
  EXPECT_EQ(ada.line(), "* eve is here by UDP and hears nothing");
  EXPECT_EQ(ask(eve, "Q eve"), "OK");
  EXPECT_EQ(ada.line(), "eve left");
  EXPECT_EQ(ask(mallory, "L eve"), "OK");
  EXPECT_EQ(ada.line(), "eve joined");
  EXPECT_EQ(ada.line(), "eve left") << "has expired";
  EXPECT_EQ(ask(mallory, "C eve too late"), "you are not here as eve: send L eve");
  EXPECT_TRUE(server.stops_clean());
}

TEST(Chat, WhoSendsTooFastIsToldAndThenSentAway) {
  Server server(config(1, "rate = 1\nburst = 5\npatience = 50\n"));
  server.ready(1);
  Talker calm(server, "calm"), wild(server, "wild");
  std::string flood;
  for (int i = 0; i < 200; ++i) flood += "spam\n";
  wild.client().send(flood);
  std::size_t told = 0, heard = 0, last = 0;
  for (std::string line; !(line = wild.line()).empty();) {
    told += line == "* too fast: what you send is not heard";
    heard += line == "wild: spam";
    last += line == "* too fast for too long: goodbye";
  }
  EXPECT_GE(told, 1U);
  EXPECT_LE(told, 10U);
  EXPECT_LE(heard, 15U);
  EXPECT_EQ(last, 1U);
  EXPECT_NO_THROW(calm.line_of("wild left"));
  Client datagrams(server.address("chat", 1));
  std::set<std::string> answers;
  for (int i = 0; i < 7; ++i) datagrams.send("L udp");
  while (answers.size() < 2) answers.insert(datagrams.receive());
  EXPECT_EQ(answers, (std::set<std::string>{"OK", "too fast: what you send is not heard"}));
  EXPECT_TRUE(server.stops_clean());
}

TEST(Chat, BadInputIsToldAndDoesNoHarm) {
  Server server(config(2, "login-timeout = 2s\nburst = 10000\nrate = 10000\n"));
  server.ready(2);
  Talker ada(server, "ada");
  EXPECT_EQ(ada.say("\x1b[2Jgone").line(), "* not said: that has control characters");
  EXPECT_EQ(ada.say("\xc2\x9b 2J").line(), "* not said: that has control characters");
  EXPECT_EQ(ada.say("\xe2\x80\xae txet").line(), "* not said: that has control characters");
  EXPECT_EQ(ada.say("\xed\xa0\x80").line(), "* not said: that is not valid UTF-8");
  EXPECT_EQ(ada.say(std::string("a\0b", 3)).line(), "* not said: that has control characters");
  EXPECT_EQ(ada.say("/msg ada \x07").line(), "* not said: that has control characters");
  EXPECT_EQ(ada.say("/msg \xff x").line(), "* not said: that is not valid UTF-8");
  const std::string longest(1024, 'y');
  EXPECT_EQ(ada.say(longest).line(), "ada: " + longest);
  Talker loud(server, "loud");
  EXPECT_EQ(ada.line(), "loud joined");
  loud.client().send(std::string(5000, 'z'));
  EXPECT_EQ(loud.line(), "* a line has at most 1024 bytes: goodbye");
  EXPECT_EQ(loud.line(), "");
  EXPECT_EQ(ada.line(), "loud left");
  unsigned seed = 1;
  for (int i = 0; i < 20; ++i) {
    std::string rubbish(3000, '\0');
    for (char& c : rubbish) c = static_cast<char>((seed = seed * 1103515245 + 12345) >> 16);
    Client client(server.address("chat"));
    std::size_t sent = 0;
    while (sent < rubbish.size() && client.push(std::string_view(rubbish).substr(sent), sent)) {
    }
    client.finish_sending();
    EXPECT_TRUE(client.closed());
    // Such datagrams are not answered; what comes behind is.
    Client(server.address("chat", 1)).send(rubbish.substr(0, 300)).send("Q nobody").receive();
  }
  Talker silent(server);
  EXPECT_EQ(silent.line(), kAsk);
  EXPECT_EQ(silent.line(), "* you did not say your name in time: goodbye");
  EXPECT_EQ(silent.line(), "");
  ada.say("still well");
  EXPECT_NO_THROW(ada.line_of("ada: still well"));
  EXPECT_EQ(count(server.log(), "died"), 0U) << server.log();
  EXPECT_TRUE(server.stops_clean());
}

TEST(Chat, WhoReadsTooSlowlyHoldsUpNobodyAndIsToldWhatItMissed) {
  Server server(config(1, "burst = 100000\nrate = 100000\nbacklog = 16384\n"));
  server.ready(1);
  Client slow(server.address("chat"), Client::Lag::small_window);
  slow.send("slow\n");
  Talker fast(server, "fast");
  const std::string text(1000, 'w');
  constexpr int kLines = 8000;  // more than the sockets between hold
  for (int i = 0; i < kLines; ++i) {
    fast.say(text);
    if (i % 10 == 9) {
      for (int j = 0; j < 10; ++j) ASSERT_EQ(fast.line(), "fast: " + text);
    }
  }
  std::size_t got = 0, lost = 0;
  std::string all;
  while (got + lost < kLines) {
    const std::string chunk = slow.receive();
    ASSERT_FALSE(chunk.empty());
    all += chunk;
    for (std::size_t end; (end = all.find('\n')) != std::string::npos; all.erase(0, end + 1)) {
      if (all.starts_with("fast: ")) ++got;
      const auto at = all.find(" lines were lost: you read too slowly");
      if (at < end) lost += std::stoul(all.substr(2));
    }
  }
  EXPECT_GT(lost, 0U);
  EXPECT_EQ(got + lost, static_cast<std::size_t>(kLines));
  EXPECT_TRUE(server.stops_clean());
}

TEST(Chat, AWorkerThatRetiresSendsItsMembersAwayWithASentence) {
  Server server(config(2));
  server.ready(2);
  auto members = spread(server, 2, "m");
  Client eve(server.address("chat", 1));
  EXPECT_EQ(eve.send("L eve").receive(), "OK");
  for (auto& [pid, member] : members) EXPECT_NO_THROW(member.second->line_of("eve joined"));
  server.signal(SIGTTOU);
  ASSERT_TRUE(eventually([&] { return server.workers().size() == 1; }));
  const pid_t survivor = server.workers().front();
  Talker& witness = *members.find(survivor)->second.second;
  EXPECT_EQ(leavings(witness, members.size() - members.count(survivor)).size(),
            members.size() - members.count(survivor));
  for (auto& [pid, member] : members) {
    if (pid == survivor) continue;
    EXPECT_NO_THROW(member.second->line_of("* this worker ends: please connect again"));
    EXPECT_EQ(member.second->line(), "");
    Talker again(server, member.first);
    EXPECT_NO_THROW(witness.line_of(member.first + " joined"));
  }
  EXPECT_EQ(eve.send("C eve still here").receive(), "OK");
  EXPECT_NO_THROW(witness.line_of("eve: still here"));
  EXPECT_TRUE(server.stops_clean());
  EXPECT_NO_THROW(witness.line_of("* this worker ends: please connect again"));
}

/// Many clients in one thread. Each says numbered lines; each looks that what it hears of every other is numbered
/// without gap and without repetition, and counts comings and goings.
class Crowd {
 public:
  struct Number {
    int life = 0;  ///< how often the name has joined
    int line = -1;
    bool operator==(const Number&) const = default;
  };
  struct Member {
    std::string name;
    std::unique_ptr<Client> client{};
    std::string input{}, output{};
    std::size_t sent = 0;
    Number said{};
    bool here = false;
    std::map<std::string, Number> heard{};
    std::map<std::string, bool> present{};  ///< whether the last that was heard of a name is that it joined
  };

  Crowd(const Server& server, std::size_t size) : address_(server.address("chat")), members_(size) {
    for (std::size_t i = 0; i < size; ++i) members_[i].name = "c" + std::to_string(i);
  }

  std::vector<Member>& members() { return members_; }
  const std::vector<std::string>& faults() const { return faults_; }

  void connect(Member& member) {
    std::string name = member.name;
    const Number said{member.said.life + 1, -1};
    member = Member{.name = std::move(name), .client = std::make_unique<Client>(address_), .said = said};
    member.output = member.name + "\n";
  }
  void say(Member& member) {
    member.output += std::to_string(member.said.life) + "." + std::to_string(++member.said.line) + "\n";
  }

  /// Sends and receives until `done`. @return whether it came to that
  template <class Done>
  bool pump_until(Done done) {
    const auto deadline = std::chrono::steady_clock::now() + 2 * kPatience;
    std::vector<pollfd> wanted(members_.size());
    while (!done()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      for (std::size_t i = 0; i < members_.size(); ++i) {
        const Member& member = members_[i];
        const bool sends = member.sent < member.output.size();
        wanted[i] = {member.client ? member.client->fd() : -1, static_cast<short>(POLLIN | (sends ? POLLOUT : 0)), 0};
      }
      if (::poll(wanted.data(), wanted.size(), 20) <= 0) continue;
      for (std::size_t i = 0; i < members_.size(); ++i) {
        if (wanted[i].revents != 0) serve(members_[i], wanted[i].revents);
      }
    }
    return true;
  }

 private:
  void serve(Member& member, short events) {
    if ((events & POLLOUT) != 0 &&
        !member.client->push(std::string_view(member.output).substr(member.sent), member.sent)) {
      return gone(member);
    }
    if ((events & (POLLIN | POLLHUP | POLLERR)) == 0) return;
    const std::string chunk = member.client->receive();
    if (chunk.empty()) return gone(member);
    member.input += chunk;
    std::size_t from = 0;
    for (std::size_t end; (end = member.input.find('\n', from)) != std::string::npos; from = end + 1) {
      hear(member, std::string_view(member.input).substr(from, end - from));
    }
    member.input.erase(0, from);
  }

  void gone(Member& member) {
    member.client.reset();
    member.here = false;
  }

  void hear(Member& member, std::string_view line) {
    if (line == kAsk) return;
    if (line.starts_with("* ")) return fault(member, line);
    for (const std::string& end : {std::string(" joined"), std::string(" left")}) {
      if (!line.ends_with(end)) continue;
      const std::string who(line.substr(0, line.size() - end.size()));
      const bool joined = end == " joined";
      const auto [known, first] = member.present.try_emplace(who, joined);
      if (!first && std::exchange(known->second, joined) == joined) fault(member, line);
      if (who == member.name) member.here = joined;
      return;
    }
    const auto colon = line.find(": "), dot = line.find('.');
    if (colon == line.npos || dot == line.npos) return fault(member, line);
    const Number number{std::stoi(std::string(line.substr(colon + 2))), std::stoi(std::string(line.substr(dot + 1)))};
    const auto [known, first] = member.heard.try_emplace(std::string(line.substr(0, colon)), number);
    if (first) return;
    const Number next{known->second.life, known->second.line + 1}, reborn{known->second.life + 1, 0};
    if (number != next && number != reborn) fault(member, line);
    known->second = number;
  }

  void fault(const Member& member, std::string_view line) {
    faults_.push_back(member.name + " heard \"" + std::string(line) + "\"");
  }

  Address address_;
  std::vector<Member> members_;
  std::vector<std::string> faults_;
};

// In each round all clients say their lines, in the middle of which a worker is killed. A client that was there all the
// time must have received everything that the others who were there said, and the same as everyone else of what the
// killed worker's clients said, and that they left; these come back under their names.
TEST(AloneChat, ACrowdLosesNothingWhileWorkersAreKilledOneAfterAnother) {
  constexpr int kRounds = 4, kLines = 6;
  Server server(config(4, "rate = 10000\nburst = 10000\nbacklog = 4MiB\nhistory = 50\nwill-renewal = 1ms\n"));
  server.ready(4);
  Crowd crowd(server, kCrowd);
  auto& members = crowd.members();
  std::size_t killed_members = 0;
  for (auto& member : members) crowd.connect(member);
  const auto everyone_is_here = [&] {
    return std::all_of(members.begin(), members.end(), [](auto& m) { return m.here; });
  };
  for (int round = 0; round < kRounds; ++round) {
    ASSERT_TRUE(crowd.pump_until(everyone_is_here)) << "round " << round;
    ASSERT_TRUE(crowd.pump_until([&] { return server.pool()["ready"] == 4; }));
    const pid_t victim = server.workers().at(static_cast<std::size_t>(round) % 4);
    for (int line = 0; line < kLines; ++line) {
      for (auto& member : members) crowd.say(member);
      // A client that the room tells about it sees it in the middle of lines under way.
      const auto polled = std::chrono::steady_clock::now() + 5ms;
      if (line == kLines / 2) {
        ASSERT_EQ(::kill(victim, SIGKILL), 0);
      }
      crowd.pump_until([&] { return std::chrono::steady_clock::now() > polled; });
    }
    std::vector<Crowd::Member*> survivors, dead;
    const auto settled = [&] {
      survivors.clear(), dead.clear();
      for (auto& member : members) (member.client ? survivors : dead).push_back(&member);
      for (const auto* hearer : survivors) {
        for (const auto* speaker : survivors) {
          const auto heard = hearer->heard.find(speaker->name);
          if (heard == hearer->heard.end() || heard->second != speaker->said) return false;
        }
        for (const auto* gone : dead) {
          const auto known = hearer->present.find(gone->name);
          if (known == hearer->present.end() || known->second) return false;
        }
      }
      return !dead.empty() || !alive(victim);
    };
    ASSERT_TRUE(crowd.pump_until(settled))
        << "round " << round << ": " << survivors.size() << " survivors, " << dead.size() << " dead";
    for (const auto* gone : dead) {
      for (const auto* hearer : survivors) {
        EXPECT_EQ(hearer->heard.count(gone->name), survivors.front()->heard.count(gone->name)) << gone->name;
        if (hearer->heard.count(gone->name) > 0) {
          EXPECT_TRUE(hearer->heard.at(gone->name) == survivors.front()->heard.at(gone->name)) << gone->name;
        }
      }
    }
    for (const auto* hearer : survivors) {
      const auto left =
          std::count_if(hearer->present.begin(), hearer->present.end(), [](auto& who) { return !who.second; });
      EXPECT_EQ(static_cast<std::size_t>(left), dead.size()) << hearer->name;
    }
    killed_members += dead.size();
    for (auto* gone : dead) crowd.connect(*gone);
  }
  ASSERT_TRUE(crowd.pump_until(everyone_is_here));
  EXPECT_GT(killed_members, 0U);
  EXPECT_THAT(crowd.faults(), testing::IsEmpty());
  EXPECT_TRUE(server.stops_clean());
}

// Clients come and go all the time, so that the kills fall into the middle of joining and of leaving.
TEST(Chat, NoNameStaysBehindWhateverWasKilled) {
  Server server(config(2, "burst = 1000\n"));
  server.ready(2);
  const Address tcp = server.address("chat");
  for (int round = 0; round < 5; ++round) {
    std::vector<Client> coming, going;
    const auto name = [&](const char* kind, int i) {
      return kind + std::to_string(round) + "." + std::to_string(i) + "\n";
    };
    for (int i = 0; i < 20; ++i) going.emplace_back(tcp).send(name("g", i));
    for (auto& client : going) client.receive_until(" joined\n");
    for (int i = 0; i < 20; ++i) {
      coming.emplace_back(tcp).send(name("c", i));
      std::size_t sent = 0;  // on a connection that may be broken
      going[static_cast<std::size_t>(i)].push("/quit\n", sent);
      if (i == 4 * round) {
        ASSERT_EQ(::kill(server.workers().at(static_cast<std::size_t>(round) % 2), SIGKILL), 0);
      }
    }
    coming.clear();
    ASSERT_TRUE(server.logged("is ready", static_cast<std::size_t>(3 + round)));
  }
  Talker last(server, "last");
  EXPECT_TRUE(eventually([&] {
    last.say("/who");
    std::string who;
    while (!who.starts_with("* ")) who = last.line();
    return who == "* 1 here: last";
  }));
  EXPECT_TRUE(server.stops_clean());
}

TEST(Chat, SizesThatCantWorkAreNamed) {
  const std::pair<const char*, const char*> cases[] = {
      {"chat-wills-capacity = 32\n", "chat-wills-capacity must be at least 64"},
      {"chat-wills-max-deliveries = 5\n", "chat-wills-max-deliveries must be 0"},
      {"chat-roster-key-bytes = 16\n", "chat-roster-key-bytes must be at least 32"},
      {"max-line = 4KiB\n", "chat-room-message-bytes must be at least 4154"},
  };
  for (const auto& [line, sentence] : cases) {
    Server server(config(1, line));
    EXPECT_TRUE(server.logged(std::string("service \"chat\" can't start: ") + sentence));
  }
}

TEST(Chat, NetcatTalksToTwoWorkers) {
  SKIP_UNLESS_HAVE("nc");
  Server server(config(2));
  server.ready(2);
  auto members = spread(server, 2, "m");
  const Address tcp = server.address("chat"), udp = server.address("chat", 1);
  const std::string nc = "nc -N 127.0.0.1 " + tcp.port();
  const Outcome talk = run({{"sh", "-c", "printf 'neil\\nhello from nc\\n/who\\n/quit\\n' | " + nc}});
  EXPECT_THAT(talk.out, testing::HasSubstr("neil joined\nneil: hello from nc\n")) << talk.err;
  EXPECT_THAT(talk.out, testing::HasSubstr(" here: m0 m1"));
  const Outcome datagram = run({{"sh", "-c", "printf 'L ned' | nc -u -w1 127.0.0.1 " + udp.port()}});
  EXPECT_EQ(datagram.out, "OK");
  for (auto& [pid, member] : members) {
    EXPECT_NO_THROW(member.second->line_of("neil: hello from nc"));
    EXPECT_NO_THROW(member.second->line_of("neil left"));
    EXPECT_NO_THROW(member.second->line_of("ned joined"));
  }
  EXPECT_TRUE(server.stops_clean());
}

}  // namespace
}  // namespace prefork::system_test
