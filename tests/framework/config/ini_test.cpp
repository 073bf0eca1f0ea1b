#include "framework/config/ini.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/framework/config/support.hpp"

namespace prefork::config {
namespace {

using testing::exit_code_of;
using testing::MemoryFiles;
using testing::sentence_of;
using testing::text_of;

Document parse(const std::string& text, std::map<std::string, std::string> others = {}) {
  MemoryFiles files(std::move(others));
  return parse_ini({"a.conf", "a.conf", text}, files);
}

std::string read(const std::string& text, std::map<std::string, std::string> others = {}) {
  return text_of(parse(text, std::move(others)));
}

std::string complaint(const std::string& text, std::map<std::string, std::string> others = {}) {
  return sentence_of([&] { parse(text, std::move(others)); });
}

/// @return the value of the only entry of a section that says `key = AS_WRITTEN`.
std::string value_of(const std::string& as_written) {
  return parse("[master]\nkey =" + as_written).sections.at(0).entries.at(0).value;
}

TEST(Ini, HasSectionsAndEntriesInOrderWithTheirPlaces) {
  EXPECT_EQ(read("# a comment\n"
                 "[master]\n"
                 "\n"
                 "control = /run/x.sock\n"
                 "  [ service\t web ]  # indented\n"
                 "\tlisten=tcp://*:80\n"
                 "listen = udp://*:80  # again\n"
                 "[pool main]"),
            "[master]\ncontrol=/run/x.sock  @a.conf:4\n"
            "[service web]\nlisten=tcp://*:80  @a.conf:6\nlisten=udp://*:80  @a.conf:7\n"
            "[pool main]\n");
  EXPECT_EQ(parse("\n[master]").sections.at(0).origin.text, "a.conf:2");
}

TEST(Ini, MayHoldNothing) {
  for (const auto* text : {"", "\n", "\n\n\n", "# only\n  # comments", "\xEF\xBB\xBF", " \t \r\n"}) {
    EXPECT_EQ(read(text), "");
  }
}

TEST(Ini, TakesEitherLineEndAndAByteOrderMark) {
  const std::string expected = "[pool main]\nworkers=4  @a.conf:2\nuser=x  @a.conf:3\n";
  EXPECT_EQ(read("[pool main]\nworkers = 4\nuser = x\n"), expected);
  EXPECT_EQ(read("[pool main]\r\nworkers = 4\r\nuser = \"x\"\r\n"), expected);
  EXPECT_EQ(read("\xEF\xBB\xBF[pool main]\nworkers = 4\r\nuser = x\r"), expected);
  EXPECT_NE(complaint("[pool main]\n\xEF\xBB\xBFworkers = 4\n"), "(nothing)")
      << "the mark is for the file's start only";
}

TEST(Ini, BareValuesEndAtACommentOrTheLine) {
  const std::vector<std::pair<std::string, std::string>> table{{" a b  c \t", "a b  c"},
                                                               {"a#b", "a#b"},
                                                               {" a #b", "a"},
                                                               {" a\t# b # c", "a"},
                                                               {"#a", "#a"},
                                                               {" # a", ""},
                                                               {"", ""},
                                                               {"   ", ""},
                                                               {" a=b=c", "a=b=c"},
                                                               {" [x]", "[x]"},
                                                               {" c:\\n", "c:\\n"},
                                                               {" grün", "grün"},
                                                               {" 'a'", "'a'"},
                                                               {" a;b ; c", "a;b ; c"}};
  for (const auto& [as_written, expected] : table) EXPECT_EQ(value_of(as_written), expected) << as_written;
}

TEST(Ini, QuotedValuesKeepAllThatIsInThem) {
  const std::vector<std::pair<std::string, std::string>> table{{R"( "")", ""},
                                                               {R"("a")", "a"},
                                                               {R"( "  a # b  "   # c)", "  a # b  "},
                                                               {R"( "a\"b\\c")", R"(a"b\c)"},
                                                               {R"( "a\nb\tc")", "a\nb\tc"},
                                                               {" \"tab\there\"", "tab\there"},
                                                               {R"( "\\")", "\\"},
                                                               {R"( "#")", "#"}};
  for (const auto& [as_written, expected] : table) EXPECT_EQ(value_of(as_written), expected) << as_written;
}

TEST(Ini, RefusesEachMistakeWithItsPlace) {
  using namespace std::string_literals;
  const std::string name_rule = ": a name is a letter or digit, then up to 30 letters, digits, '_' or '-'";
  const std::string escapes = "; there are \\\", \\\\, \\n and \\t";
  const std::vector<std::pair<std::string, std::string>> table{
      {"workers = 4", "a.conf:1: the key \"workers\" stands before any section"},
      {"\n\nx", "a.conf:3: expected \"key = value\", found \"x\""},
      {"[master]\n= 4", "a.conf:2: a key is missing before '='"},
      {"[master]\na b = 4", "a.conf:2: \"a b\" can't be a key: a key is made of letters, digits, '-' and '_'"},
      {"[master]\na.b = 4", "a.conf:2: \"a.b\" can't be a key: a key is made of letters, digits, '-' and '_'"},
      {"[master", "a.conf:1: the section's closing ']' is missing"},
      {"[pool # a]", "a.conf:1: the section's closing ']' is missing"},
      {"[master] x", "a.conf:1: unexpected text \"x\" after the section's ']'"},
      {"[master]# x", "a.conf:1: unexpected text \"# x\" after the section's ']'"},
      {"[]", "a.conf:1: unknown section \"\""},
      {"[ ]", "a.conf:1: unknown section \"\""},
      {"[pol main]", "a.conf:1: unknown section \"pol\"; did you mean \"pool\"?"},
      {"[master x]", "a.conf:1: the section [master] takes no name, but has \"x\""},
      {"[pool]", "a.conf:1: the section [pool] needs a name: [pool NAME]"},
      {"[service a b]", "a.conf:1: \"a b\" can't name a service" + name_rule},
      {"[service a.b]", "a.conf:1: \"a.b\" can't name a service" + name_rule},
      {"[master]\n[pool a]\n[master]", "a.conf:3: [master] is given twice; first at a.conf:1"},
      {"[pool a]\n[service a]\n[pool a]", "a.conf:3: [pool a] is given twice; first at a.conf:1"},
      {"[master]\nlog = \"x", "a.conf:2: the value's closing quote is missing"},
      {"[master]\nlog = \"x\\", "a.conf:2: the value's closing quote is missing"},
      {"[master]\nlog = \"x\\\"", "a.conf:2: the value's closing quote is missing"},
      {"[master]\nlog = \"x\" y", "a.conf:2: unexpected text \"y\" after the closing quote"},
      {"[master]\nlog = \"x\"#y", "a.conf:2: unexpected text \"#y\" after the closing quote"},
      {"[master]\nlog = \"\\r\"", "a.conf:2: unknown escape \"r\" in a quoted value" + escapes},
      {"[master]\nlog = a\"b\"",
       "a.conf:2: a quote inside a bare value; put the whole value in quotes and write \\\" inside"},
      {"[master]\nlog = a\0b"s, "a.conf:2: the line contains the control byte 0x00"},
      {"[master]\nlog = a\rb", "a.conf:2: the line contains the control byte 0x0d"},
      {"[master]\nlog = a\r\r\n", "a.conf:2: the line contains the control byte 0x0d"},
      {"[master]\n# \x1b[2J", "a.conf:2: the line contains the control byte 0x1b"},
      {"[master]\nlog = \"a\x7f\"", "a.conf:2: the line contains the control byte 0x7f"},
      {"include =", "a.conf:1: include needs a path"},
      {"include = \"\"", "a.conf:1: include needs a path"},
      {"include", "a.conf:1: expected \"key = value\", found \"include\""},
  };
  for (const auto& [text, expected] : table) {
    EXPECT_EQ(complaint(text), expected);
    EXPECT_EQ(exit_code_of([&, &t = text] { parse(t); }), EX_CONFIG) << text;
  }
}

TEST(Ini, IsBoundedInItsLinesAndItsSize) {
  const std::string start = "[master]\nlog = ";
  const std::string longest(IniLimits::kLineBytes - 6, 'x');
  EXPECT_EQ(parse(start + longest).sections[0].entries[0].value, longest);
  EXPECT_EQ(complaint(start + longest + 'x'), "a.conf:2: the line is longer than 65536 bytes");
  EXPECT_EQ(complaint(std::string(IniLimits::kFileBytes, '\n')), "(nothing)");
  EXPECT_EQ(complaint(std::string(IniLimits::kFileBytes + 1, '\n')), "a.conf:1: the file is larger than 1048576 bytes");
}

TEST(Ini, CutAnywhereIsReadOrRefusedAtItsLastLine) {
  const std::string text =
      "\xEF\xBB\xBF# comment\r\n[master]\ncontrol = \"/run/a b.sock\" # c\n\n[service web]\nlisten=tcp://*:80\\\n"
      "include = b.conf\nroot = \"\\\"\\\\\\n\"\n[pool main]\nworkers = 4\n";
  const std::map<std::string, std::string> others{{"b.conf", "[service b]\nplugin = b\n"}};
  std::size_t read_whole = 0;
  for (std::size_t size = 0; size <= text.size(); ++size) {
    const std::string part = text.substr(0, size);
    const std::string sentence = complaint(part, others);
    if (sentence == "(nothing)") {
      ++read_whole;
      continue;
    }
    const auto line = 1 + std::count(part.begin(), part.end(), '\n');
    EXPECT_EQ(sentence.substr(0, sentence.find(' ')), fmt::format("a.conf:{}:", line)) << part;
  }
  EXPECT_EQ(complaint(text, others), "(nothing)");
  EXPECT_GT(read_whole, 20U);
  EXPECT_LT(read_whole, text.size());
}

TEST(IniInclude, GoesOnInTheIncludingFilesSection) {
  EXPECT_EQ(read("[service a]\nplugin = a\ninclude = b.conf\nlisten = x\n", {{"b.conf", "[pool main]\nuser = u\n"}}),
            "[service a]\nplugin=a  @a.conf:2\nlisten=x  @a.conf:4\n[pool main]\nuser=u  @b.conf:2\n");
}

TEST(IniInclude, StandsBeforeAnySectionToo) {
  EXPECT_EQ(read("include = b.conf\n", {{"b.conf", "[master]\n"}}), "[master]\n");
}

TEST(IniInclude, StartsOutsideOfAnySection) {
  EXPECT_EQ(complaint("[pool main]\ninclude = b.conf\n", {{"b.conf", "user = u\n"}}),
            "b.conf:1: the key \"user\" stands before any section");
  EXPECT_EQ(complaint("include = b.conf\nuser = u\n", {{"b.conf", "[pool main]\n"}}),
            "a.conf:2: the key \"user\" stands before any section");
}

TEST(IniInclude, ReadsAPatternsFilesInOrder) {
  const std::map<std::string, std::string> files{
      {"d/2.conf", "[service two]\n"}, {"d/1.conf", "[service one]\n"}, {"d/readme", "?"}};
  EXPECT_EQ(read("include = d/*.conf\n", files), "[service one]\n[service two]\n");
  EXPECT_EQ(read("[master]\ninclude = none/*.conf\n", files), "[master]\n");
}

TEST(IniInclude, TellsOfASectionInTwoFiles) {
  EXPECT_EQ(complaint("[pool main]\ninclude = b.conf\n", {{"b.conf", "\n[pool main]\n"}}),
            "b.conf:2: [pool main] is given twice; first at a.conf:1");
  EXPECT_EQ(complaint("include = b.conf\ninclude = b.conf\n", {{"b.conf", "[master]\n"}}),
            "b.conf:1: [master] is given twice; first at b.conf:1");
}

TEST(IniInclude, OfAMissingFileNamesBothFiles) {
  EXPECT_EQ(complaint("\ninclude = nowhere.conf # x\n"),
            "a.conf:2: cannot open \"nowhere.conf\": No such file or directory");
  EXPECT_EQ(exit_code_of([] { parse("include = nowhere.conf"); }), EX_NOINPUT);
}

TEST(IniInclude, MayNotGoRoundInCircles) {
  EXPECT_EQ(complaint("include = a.conf", {{"a.conf", ""}}),
            "a.conf:1: including \"a.conf\" would never end: it is being read already");
  EXPECT_EQ(complaint("include = b.conf", {{"b.conf", "\ninclude = c.conf"}, {"c.conf", "include = b.conf"}}),
            "c.conf:1: including \"b.conf\" would never end: it is being read already");
}

TEST(IniInclude, OfOneFileTwiceIsNoCircle) {
  EXPECT_EQ(complaint("include = b.conf\ninclude = b.conf\n", {{"b.conf", "# nothing\n"}}), "(nothing)");
}

TEST(IniInclude, IsBoundedInDepth) {
  std::map<std::string, std::string> files;
  for (std::size_t i = 1; i < IniLimits::kIncludeDepth; ++i) {
    files[fmt::format("{}", i)] = fmt::format("include = {}", i + 1);
  }
  files["8"] = "[master]";
  EXPECT_EQ(read("include = 1", files), "[master]\n");
  files["8"] = "include = 9";
  files["9"] = "[master]";
  EXPECT_EQ(complaint("include = 1", files), "8:1: includes are nested more than 8 deep");
}

TEST(IniInclude, IsBoundedInNumber) {
  std::string text;
  for (std::size_t i = 0; i < IniLimits::kIncludedFiles; ++i) text += "include = b\n";
  EXPECT_EQ(complaint(text, {{"b", ""}}), "(nothing)");
  EXPECT_EQ(complaint(text + "include = b", {{"b", ""}}), "a.conf:1001: more than 1000 files are included");
}

TEST(IniQuote, QuotesOnlyWhatNeedsIt) {
  const std::vector<std::pair<std::string, std::string>> table{
      {"/run/x.sock", "/run/x.sock"},
      {"tcp://[::1]:80 nodelay=off", "tcp://[::1]:80 nodelay=off"},
      {"", "\"\""},
      {" a", "\" a\""},
      {"a ", "\"a \""},
      {"a#b", "\"a#b\""},
      {"a\\b", "\"a\\\\b\""},
      {"a\"b", "\"a\\\"b\""},
      {"a\nb\tc", "\"a\\nb\\tc\""},
      {"grün", "grün"}};
  for (const auto& [value, expected] : table) EXPECT_EQ(ini_quote(value), expected);
}

TEST(IniQuote, IsReadBackWhateverTheBytes) {
  std::string all;
  for (int code = 0; code < 256; ++code) {
    const char byte = static_cast<char>(code);
    if ((code < 32 && byte != '\t' && byte != '\n') || code == 127) continue;
    all += byte;
    for (const auto& value :
         {std::string(1, byte), std::string("a") + byte, byte + std::string("a"), std::string("a ") + byte + " b"}) {
      EXPECT_EQ(value_of(" " + ini_quote(value)), value) << code;
      EXPECT_EQ(value_of(ini_quote(value) + "  # comment"), value) << code;
    }
  }
  EXPECT_EQ(value_of(ini_quote(all)), all);
}

}  // namespace
}  // namespace prefork::config
