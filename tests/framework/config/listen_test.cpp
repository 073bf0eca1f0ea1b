#include "framework/config/listen.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "tests/framework/config/options_text.hpp"
#include "tests/framework/config/support.hpp"

namespace prefork::config {
namespace {

using testing::sentence_of;
using testing::text_of;

std::string complaint(const std::string& value) {
  return sentence_of([&] { parse_listen(value); });
}

TEST(ParseListen, TakesEveryFormOfAnAddress) {
  struct Row {
    std::string value;
    ListenScheme scheme;
    std::string host, port, path;
  };
  const std::vector<Row> table{
      {"tcp://127.0.0.1:8080", ListenScheme::tcp, "127.0.0.1", "8080", ""},
      {"udp://0.0.0.0:0", ListenScheme::udp, "0.0.0.0", "0", ""},
      {"tcp://*:80", ListenScheme::tcp, "*", "80", ""},
      {"tcp://localhost:http", ListenScheme::tcp, "localhost", "http", ""},
      {"tcp://my-host.example.org:65535", ListenScheme::tcp, "my-host.example.org", "65535", ""},
      {"tcp://[::1]:00080", ListenScheme::tcp, "::1", "80", ""},
      {"tcp://[::]:000", ListenScheme::tcp, "::", "0", ""},
      {"udp://[fe80::1%eth0]:53", ListenScheme::udp, "fe80::1%eth0", "53", ""},
      {"tcp://[::ffff:10.0.0.1]:1", ListenScheme::tcp, "::ffff:10.0.0.1", "1", ""},
      {"unix:/run/x.sock", ListenScheme::unix_stream, "", "", "/run/x.sock"},
      {"unix:x.sock", ListenScheme::unix_stream, "", "", "x.sock"},
      {"unix-dgram:/run/x.sock", ListenScheme::unix_dgram, "", "", "/run/x.sock"},
      {"fd:web", ListenScheme::fd_stream, "", "", ""},
      {"fd-dgram:prefork.socket", ListenScheme::fd_dgram, "", "", ""},
  };
  EXPECT_EQ(parse_listen("fd:prefork.socket backlog=7").fd_name, "prefork.socket");
  for (const auto& row : table) {
    const ListenSpec spec = parse_listen(row.value);
    EXPECT_EQ(spec.address, row.value);
    EXPECT_EQ(spec.scheme, row.scheme) << row.value;
    EXPECT_EQ(spec.host, row.host);
    EXPECT_EQ(spec.port, row.port);
    EXPECT_EQ(spec.path, row.path);
  }
}

TEST(ParseListen, RefusesBadAddresses) {
  const std::string forms =
      " is not an address: expected tcp://HOST:PORT, udp://HOST:PORT, unix:PATH, unix-dgram:PATH or fd:NAME";
  const std::string path108 = "unix:" + std::string(108, 'x');
  const std::vector<std::pair<std::string, std::string>> table{
      {"", "\"\"" + forms},
      {"8080", "\"8080\"" + forms},
      {"127.0.0.1:8080", "\"127.0.0.1:8080\"" + forms},
      {"TCP://127.0.0.1:80", "\"TCP://127.0.0.1:80\"" + forms},
      {"tcp:127.0.0.1:80", "\"tcp:127.0.0.1:80\"" + forms},
      {"tcp://", "\"tcp://\" has no host; write 127.0.0.1 for this machine only or 0.0.0.0 for every address"},
      {"tcp://:80", "\"tcp://:80\" has no host; write 127.0.0.1 for this machine only or 0.0.0.0 for every address"},
      {"tcp://localhost", "\"tcp://localhost\" has no port; write HOST:PORT"},
      {"tcp://localhost:", "\"tcp://localhost:\" has no port; write 0 to 65535 or a service's name after the ':'"},
      {"tcp://[::1]", "\"tcp://[::1]\" has no port; write [HOST]:PORT"},
      {"tcp://[::1]80", "\"tcp://[::1]80\" has no port; write [HOST]:PORT"},
      {"tcp://[::1:80", "\"tcp://[::1:80\" has a '[' without its ']'"},
      {"tcp://::1:80", "\"tcp://::1:80\" has more than one ':'; write an IPv6 address in brackets, [::1]:PORT"},
      {"tcp://[]:80",
       "\"tcp://[]:80\" has no host; write 127.0.0.1 for this machine only or 0.0.0.0 for every address"},
      {"tcp://[127.0.0.1]:80", "\"tcp://[127.0.0.1]:80\" has \"127.0.0.1\" in brackets, which is not an IPv6 address"},
      {"tcp://[fe80::1%]:80", "\"tcp://[fe80::1%]:80\" has \"fe80::1%\" in brackets, which is not an IPv6 address"},
      {"tcp://[g::1]:80", "\"tcp://[g::1]:80\" has \"g::1\" in brackets, which is not an IPv6 address"},
      {"tcp://1.2.3:80", "\"tcp://1.2.3:80\" has the host \"1.2.3\", which is not an IPv4 address"},
      {"tcp://256.0.0.1:80", "\"tcp://256.0.0.1:80\" has the host \"256.0.0.1\", which is not an IPv4 address"},
      {"tcp://-x:80", "\"tcp://-x:80\" has the host \"-x\", neither an address nor a host name"},
      {"tcp://a/b:80", "\"tcp://a/b:80\" has the host \"a/b\", neither an address nor a host name"},
      {"tcp://" + std::string(254, 'a') + ":80", "\"tcp://" + std::string(74, 'a') + "...\" has the host \"" +
                                                     std::string(80, 'a') +
                                                     "...\", neither an address nor a host name"},
      {"tcp://a:65536", "\"tcp://a:65536\" has a port beyond 65535"},
      {"tcp://a:99999999999999999999", "\"tcp://a:99999999999999999999\" has a port beyond 65535"},
      {"tcp://a:-1", "\"tcp://a:-1\" has the port \"-1\"; expected 0 to 65535 or a service's name"},
      {"tcp://a:80/", "\"tcp://a:80/\" has the port \"80/\"; expected 0 to 65535 or a service's name"},
      {"fd:", "\"fd:\" has no name; write what FileDescriptorName= of the socket unit says"},
      {"fd-dgram:a:b", "\"fd-dgram:a:b\" has a ':' in its name, which no socket's has"},
      {"unix:", "\"unix:\" has no path; write unix:/run/NAME.sock"},
      {"unix-dgram:", "\"unix-dgram:\" has no path; write unix:/run/NAME.sock"},
      {"unix:@name", "\"unix:@name\" is an abstract address, which is not supported; write a path"},
      {"unix:/run/", "\"unix:/run/\" is a folder; write the path of the socket file"},
      {path108, "\"unix:" + std::string(75, 'x') + "...\" has a path of 108 bytes; a socket's path has 107 at most"},
  };
  for (const auto& [value, expected] : table) EXPECT_EQ(complaint(value), expected);
  EXPECT_EQ(parse_listen(path108.substr(0, path108.size() - 1)).path.size(), 107U);
}

TEST(ParseListen, ReadsOptionsAfterWhiteSpace) {
  const ListenSpec tcp = parse_listen("  tcp://[::]:80\tbacklog=128  nodelay=off reuseport ipv6only=no ");
  EXPECT_EQ(tcp.address, "tcp://[::]:80");
  EXPECT_EQ(tcp.backlog, 128);
  EXPECT_FALSE(tcp.nodelay);
  EXPECT_TRUE(tcp.reuseport);
  EXPECT_FALSE(tcp.ipv6only);
  EXPECT_EQ(parse_listen("unix:/x mode=600").mode, mode_t{0600});
  EXPECT_EQ(parse_listen("unix-dgram:/x mode=0600").mode, mode_t{0600});
  EXPECT_TRUE(parse_listen("tcp://*:80 nodelay").nodelay);
}

TEST(ParseListen, KnowsWhichOptionFitsWhichScheme) {
  const std::map<std::string, std::vector<std::string>> fitting{
      {"tcp://127.0.0.1:80", {"backlog=1", "nodelay", "reuseport", "proxy-protocol"}},
      {"tcp://*:80", {"backlog=1", "nodelay", "reuseport", "proxy-protocol"}},
      {"tcp://[::]:80", {"backlog=1", "nodelay", "reuseport", "ipv6only", "proxy-protocol"}},
      {"tcp://localhost:80", {"backlog=1", "nodelay", "reuseport", "ipv6only", "proxy-protocol"}},
      {"udp://127.0.0.1:80", {"reuseport"}},
      {"udp://[::]:80", {"reuseport", "ipv6only"}},
      {"unix:/x", {"backlog=1", "mode=0600", "owner=www-data", "group=1000", "proxy-protocol"}},
      {"unix-dgram:/x", {"mode=0600", "owner=www-data", "group=1000"}},
      {"fd:web", {"backlog=1", "nodelay", "proxy-protocol"}},
      {"fd-dgram:web", {}},
  };
  for (const auto& [address, options] : fitting) {
    for (const std::string option : {"backlog=1", "nodelay", "reuseport", "ipv6only", "mode=0600", "owner=www-data",
                                     "group=1000", "proxy-protocol"}) {
      const bool fits = std::find(options.begin(), options.end(), option) != options.end();
      const std::string name = option.substr(0, option.find('='));
      EXPECT_EQ(complaint(address + ' ' + option),
                fits ? "(nothing)" : fmt::format("the option {} does not fit the address {}", name, address));
    }
  }
}

TEST(ParseListen, RefusesBadOptions) {
  const std::vector<std::pair<std::string, std::string>> table{
      {"tcp://*:80 backlog=0", "the option backlog of tcp://*:80: \"0\" is not an integer from 1 to 65535"},
      {"tcp://*:80 backlog=65536", "the option backlog of tcp://*:80: \"65536\" is not an integer from 1 to 65535"},
      {"tcp://*:80 backlog=", "the option backlog of tcp://*:80: \"\" is not an integer from 1 to 65535"},
      {"tcp://*:80 backlog", "the option backlog needs a value: backlog=N"},
      {"unix:/x mode", "the option mode needs a value: mode=N"},
      {"unix:/x owner", "the option owner needs a value: owner=NAME"},
      {"unix:/x group=", "the option group of unix:/x: the name must not be empty"},
      {"unix:/x group=-1", "the option group of unix:/x: \"-1\" is no name"},
      {"unix:/x mode=999", "the option mode of unix:/x: \"999\" is not an octal mode from 0000 to 0777"},
      {"tcp://*:80 nodelay=",
       "the option nodelay of tcp://*:80: \"\" is not a flag: on or off, yes or no, true or false"},
      {"tcp://*:80 nodelay nodelay=off", "the option \"nodelay=off\" is given twice"},
      {"tcp://*:80 reusport", "unknown option \"reusport\" of an address; did you mean \"reuseport\"?"},
      {"tcp://*:80 tcp://*:81", "unknown option \"tcp://*:81\" of an address"},
      {"tcp://*:80 =1", "unknown option \"\" of an address"},
  };
  for (const auto& [value, expected] : table) EXPECT_EQ(complaint(value), expected);
}

TEST(FormatListen, IsReadBack) {
  for (const std::string value :
       {"tcp://127.0.0.1:8080", "tcp://[::]:80 backlog=128 reuseport=on nodelay=off ipv6only=off",
        "udp://*:0 reuseport=on", "unix:/run/x.sock backlog=5 mode=0777", "unix-dgram:x mode=0000",
        "unix:/run/x.sock mode=0600 owner=www-data group=33", "tcp://localhost:http nodelay=off", "fd:web backlog=5",
        "fd-dgram:web"}) {
    EXPECT_EQ(format_listen(parse_listen(value)), value);
    EXPECT_EQ(text_of(parse_listen(format_listen(parse_listen(value)))), text_of(parse_listen(value)));
  }
  EXPECT_EQ(format_listen(parse_listen("tcp://*:1 backlog=4096 nodelay=on reuseport=no")), "tcp://*:1")
      << "defaults are left out";
  ListenSpec inherited = parse_listen("fd:web");
  inherited.ipv6only = false;  // as the socket that was found
  EXPECT_EQ(format_listen(inherited), "fd:web");
}

}  // namespace
}  // namespace prefork::config
