#include "services/chat/wording.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "services/chat/json_wording.hpp"
#include "services/chat/line_wording.hpp"

namespace chat {
namespace {

using Json = nlohmann::json;
using Kind = RoomMessage::Kind;
using Note = Wording::Note;

TEST(ChatLineWording, SaysEachThingInALine) {
  const LineWording lines;
  EXPECT_EQ(lines.event({Kind::joined, 1, 0, "ada", ""}), "ada joined\n");
  EXPECT_EQ(lines.event({Kind::left, 1, 0, "ada", ""}), "ada left\n");
  EXPECT_EQ(lines.event({Kind::said, 1, 0, "ada", "hi"}), "ada: hi\n");
  EXPECT_EQ(lines.event({Kind::whisper, 1, 2, "ada", "hi"}), "ada (only to you): hi\n");
  for (const Note about : {Note::answer, Note::question, Note::loss, Note::farewell}) {
    EXPECT_EQ(lines.note(about, "so it is"), "* so it is\n");
  }
  EXPECT_EQ(lines.sent("bob", "hi"), "* to bob: hi\n");
  EXPECT_EQ(lines.welcome("ada", 1024), "");
}

TEST(ChatLineWording, LongListsOfNamesTakeSeveralLines) {
  const LineWording lines;
  EXPECT_EQ(lines.names({}), "* 0 here:\n");
  EXPECT_EQ(lines.names({"ada", "bob"}), "* 2 here: ada bob\n");
  const std::string all = lines.names(std::vector<std::string>(100, std::string(32, 'n')));
  std::size_t begin = 0, names = 0, count = 0;
  for (std::size_t end; (end = all.find('\n', begin)) != std::string::npos; begin = end + 1, ++count) {
    const std::string line = all.substr(begin, end - begin);
    EXPECT_TRUE(line.starts_with(count == 0 ? "* 100 here:" : "*      n")) << line;
    EXPECT_LE(line.size(), 402U);
    for (std::size_t at = 0; (at = line.find(std::string(32, 'n'), at)) != std::string::npos; at += 32) ++names;
  }
  EXPECT_EQ(begin, all.size());
  EXPECT_EQ(names, 100U);
  EXPECT_GT(count, 1U);
}

TEST(ChatJsonWording, EachThingIsAnObjectInALine) {
  const JsonWording json;
  EXPECT_EQ(json.event({Kind::said, 7, 0, "ada", "hi", 1'700'000'000'123'456}),
            R"({"kind":"said","from":"ada","text":"hi","at":1700000000123,"id":"7.1700000000123456"})"
            "\n");
  EXPECT_EQ(json.event({Kind::whisper, 7, 8, "ada", "", 1000}),
            R"({"kind":"whisper","from":"ada","text":"","at":1,"id":"7.1000"})"
            "\n");
  EXPECT_EQ(json.event({Kind::joined, 7, 0, "ada", "", 1000}), R"({"kind":"joined","name":"ada","at":1,"id":"7.1000"})"
                                                               "\n");
  EXPECT_EQ(json.event({Kind::left, 7, 0, "ada", "", 1001}), R"({"kind":"left","name":"ada","at":1,"id":"7.1001"})"
                                                             "\n");
  EXPECT_EQ(json.note(Note::answer, "a"), "{\"kind\":\"answer\",\"text\":\"a\"}\n");
  EXPECT_EQ(json.note(Note::question, "q"), "{\"kind\":\"question\",\"text\":\"q\"}\n");
  EXPECT_EQ(json.note(Note::loss, "l"), "{\"kind\":\"loss\",\"text\":\"l\"}\n");
  EXPECT_EQ(json.note(Note::farewell, "f"), "{\"kind\":\"farewell\",\"text\":\"f\"}\n");
  EXPECT_EQ(json.sent("bob", "hi"), "{\"kind\":\"sent\",\"to\":\"bob\",\"text\":\"hi\"}\n");
  EXPECT_EQ(json.welcome("ada", 1024), "{\"kind\":\"welcome\",\"name\":\"ada\",\"maxLine\":1024}\n");
  EXPECT_EQ(json.names({}), "{\"kind\":\"names\",\"names\":[]}\n");
  EXPECT_EQ(json.names({"ada", "[", "b\""}), "{\"kind\":\"names\",\"names\":[\"ada\",\"[\",\"b\\\"\"]}\n");
}

TEST(ChatJsonWording, AnyTextComesBackAsItWas) {
  const JsonWording json;
  std::string text = "\\\"</script>{}[],: Zo\xc3\xab \xf0\x9f\x98\x80 \xe2\x80\xa8 ";
  for (int c = 0; c < 0x80; ++c) text += static_cast<char>(c);
  const std::string line = json.note(Note::answer, text);
  EXPECT_EQ(line.find('\n'), line.size() - 1) << "lines are split by line ends";
  EXPECT_EQ(Json::parse(line)["text"], text);
  EXPECT_EQ(Json::parse(json.sent("\"\\", "x"))["to"], "\"\\");
}

}  // namespace
}  // namespace chat
