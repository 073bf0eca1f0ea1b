#include <prefork/context.hpp>
#include <prefork/http.hpp>
#include <prefork/http/form.hpp>
#include <prefork/http/json.hpp>
#include <prefork/http/web_socket.hpp>
#include <prefork/table.hpp>
#include <prefork/topic.hpp>

#include <set>
#include <string>

namespace notes {

namespace http = prefork::http;
using prefork::Json;
using prefork::Task;

/// A small JSON API: notes that all workers share, a file for each, and a WebSocket that tells of every change.
class Notes final : public http::Service {
 public:
  static void describe(prefork::Manifest& manifest) {
    manifest.summary("Notes as a JSON API.");
    manifest.required_folder("files", "The folder of the attachments.");
    // Workers are processes: what all of them shall know lies in shared memory.
    manifest.table("notes", {.rows = 1000, .key_bytes = 20, .columns = {{"title", prefork::ColumnType::text, 200}}},
                   "The notes, by their number.");
    manifest.table("numbers", {.rows = 1, .key_bytes = 8, .columns = {{"last"}}}, "The number given last.");
    manifest.topic("changes", {.capacity = 1024, .message_bytes = 256}, "What was changed, as JSON.");
  }

  Task<void> start(prefork::Context& context) override {
    context_ = &context;
    notes_ = &context.table("notes");
    context.spawn(follow());
    return {};
  }

  void routes(http::Router& router) override {
    router.use(http::refuse_unfit_json);  // a body without a title is a 422 that says so
    router.get("/notes", [this](http::Request&) { return list(); });
    router.post("/notes", [this](http::Request& request) { return add(request); }, {.max_body_bytes = 4096});
    router.get("/notes/{id}", [this](http::Request& request) { return show(request); });
    router.erase("/notes/{id}", [this](http::Request& request) { return remove(request); });
    router.post("/notes/{id}/file", [this](http::Request& request) { return attach(request); },
                {.body = http::BodyMode::streamed, .max_body_bytes = 32U << 20});
    router.get("/changes", [this](http::Request& request) {
      return http::web_socket(request, [this](http::WebSocket& socket) { return watch(socket); });
    });
  }

 private:
  http::Response list() const {
    Json all = Json::array();
    const auto visited = notes_->for_each([&](std::string_view id, const prefork::Row& row) {
      all.push_back({{"id", id}, {"title", row.text(0)}});
    });
    if (visited != prefork::TableStatus::done) throw busy();
    return http::json_response(all);
  }

  http::Response add(const http::Request& request) {
    const Json note = http::read_json(request);
    const std::string& title = note.at("title").text();
    if (title.empty() || title.size() > 200)
      throw http::Error(http::Status::unprocessable_content, "A title has 1 to 200 bytes.");
    const auto number = context_->table("numbers").increment("last", 0);
    if (number.status != prefork::TableStatus::done) throw busy();
    const std::string id = std::to_string(number.value);
    const auto inserted = notes_->insert(id, {title});
    if (inserted == prefork::TableStatus::full)
      throw http::Error(http::Status::insufficient_storage, "There is no room for another note.");
    if (inserted != prefork::TableStatus::done) throw busy();
    tell("added", id);
    http::Response response = http::json_response({{"id", id}, {"title", title}}, http::Status::created);
    response.set("Location", "/notes/" + id);
    return response;
  }

  http::Response show(const http::Request& request) const {
    const auto row = notes_->get(id_of(request));
    if (row.reason() == prefork::TableStatus::busy) throw busy();
    if (!row) return http::Response::not_found();
    return http::json_response({{"id", request.param("id")}, {"title", row->text(0)}});
  }

  http::Response remove(const http::Request& request) {
    const std::string id = id_of(request);
    const auto erased = notes_->erase(id);
    if (erased == prefork::TableStatus::busy) throw busy();
    if (erased != prefork::TableStatus::done) return http::Response::not_found();
    tell("removed", id);
    return http::Response::no_content();
  }

  // The file goes to the disk as it arrives, and gets its name when it is whole.
  Task<http::Response> attach(http::Request& request) {
    const std::string id = id_of(request);
    const auto note = notes_->get(id);
    if (note.reason() == prefork::TableStatus::busy) throw busy();
    if (!note) co_return http::Response::not_found();
    const std::string& folder = context_->options().text("files");
    http::FormOptions options;
    options.directory = folder;
    const http::Form form = co_await http::read_form(request, options);
    const http::UploadedFile* file = form.file("file");
    if (file == nullptr) throw http::Error(http::Status::unprocessable_content, "The form has no file \"file\".");
    if (!file->save_as(folder + "/" + id, http::UploadedFile::Existing::replace))
      throw http::Error(http::Status::conflict, "The note has a file already.");
    tell("attached", id);
    Json answer{{"id", id}, {"filename", file->filename()}, {"bytes", file->size()}};
    co_return http::json_response(answer, http::Status::created);
  }

  // Whoever watches gets what follow() hears; what they send themselves is of no interest.
  Task<void> watch(http::WebSocket& socket) {
    watchers_.insert(&socket);
    while (auto message = co_await socket.receive()) context_->log(prefork::LogLevel::debug, message->data);
    watchers_.erase(&socket);
  }

  // One subscription for all watchers of this worker. It ends when the worker drains.
  Task<void> follow() {
    auto changes = context_->topic("changes").subscribe();
    while (auto change = co_await changes.next()) {
      for (http::WebSocket* watcher : watchers_) {
        if (change->lost == 0 && !watcher->try_send_text(change->bytes)) watcher->close(1013, "too slow");
      }
    }
  }

  void tell(const char* what, const std::string& id) {
    if (!context_->topic("changes").publish(Json{{"what", what}, {"id", id}}.dump()))
      context_->log(prefork::LogLevel::warning, "watchers were not told of a note");
  }

  // A worker stands still in the middle of changing a row.
  static http::Error busy() { return http::Error(http::Status::service_unavailable, "Please try again."); }

  // What a client writes there is no key of the table before it is a number.
  static std::string id_of(const http::Request& request) {
    const std::string id(request.param("id"));
    const bool number = id.find_first_not_of("0123456789") == std::string::npos && id.size() <= 18;
    if (!number) throw http::Error(http::Status::not_found);
    return id;
  }

  prefork::Context* context_ = nullptr;
  prefork::Table* notes_ = nullptr;
  std::set<http::WebSocket*> watchers_;
};

}  // namespace notes

using notes::Notes;
PREFORK_SERVICE(Notes)
