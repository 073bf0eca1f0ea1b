#include <prefork/testing.hpp>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>

#include "notes.cpp"

namespace {

int failures = 0;

void expect(bool holds, const std::string& what, const std::string& got) {
  if (holds) return;
  ++failures;
  std::cerr << what << "; got: " << got << "\n";
}

}  // namespace

int main() {
  using prefork::testkit::Answer;
  std::string folder = "/tmp/notes-XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) return 1;
  {
    auto tester = prefork::testkit::ServiceTester::of<Notes>({{"files", folder}});
    auto watcher = tester.connect();
    watcher.send(
        "GET /changes HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    expect(watcher.receive_until("\r\n\r\n").find(" 101 ") != std::string::npos, "the socket opens", "no 101");

    const Answer added = tester.post("/notes", R"({"title": "milk"})", "application/json");
    expect(added.status == 201 && added.body == R"({"id":"1","title":"milk"})", "a note is added", added.body);
    watcher.receive_until(R"({"what":"added","id":"1"})");
    const Answer untitled = tester.post("/notes", R"({"name": "milk"})", "application/json");
    expect(untitled.status == 422, "a note needs a title", std::to_string(untitled.status));
    const Answer broken = tester.post("/notes", "{", "application/json");
    expect(broken.status == 400, "a body is JSON", std::to_string(broken.status));
    const Answer plain = tester.post("/notes", "milk", "text/plain");
    expect(plain.status == 415, "and says so", std::to_string(plain.status));

    const Answer attached =
        tester.post("/notes/1/file",
                    "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\n"
                    "content\r\n--b--\r\n",
                    "multipart/form-data; boundary=b");
    expect(attached.status == 201 && attached.body == R"({"id":"1","filename":"a.txt","bytes":7})",
           "a file is attached", attached.body);
    std::ifstream file(folder + "/1");
    const std::string content((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    expect(content == "content", "the file is there", content);

    const Answer all = tester.get("/notes");
    expect(all.body == R"([{"id":"1","title":"milk"}])", "notes are listed", all.body);
    expect(tester.request("DELETE", "/notes/1").status == 204, "a note is removed", "no 204");
    expect(tester.get("/notes/1").status == 404, "it is gone", "no 404");
    expect(tester.get("/notes/%2e%2e/1").status == 404, "no path leads elsewhere", "no 404");
  }
  std::system(("rm -r " + folder).c_str());
  return failures == 0 ? 0 : 1;
}
