#include <prefork/http/form.hpp>

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

#include <prefork/http/error.hpp>

#include "framework/http/body/multipart.hpp"
#include "framework/http/body/nameless_file.hpp"
#include "framework/http/message/media_type.hpp"
#include "ipc/posix/syscall.hpp"

namespace prefork::http {
namespace {

constexpr std::size_t kPartHeadBytes = 8192;
constexpr std::string_view kWanted = "application/x-www-form-urlencoded or multipart/form-data";

[[noreturn]] void too_large(std::string_view sentence) {
  throw Error(Status::content_too_large, std::string(sentence));
}

void write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == ENOSPC || errno == EDQUOT) {
      throw Error(Status::insufficient_storage, "There is no room for the file.");
    } else if (errno != EINTR) {
      ipc::throw_errno("write an uploaded file");
    }
  }
}

/// Makes a form from a body that comes in pieces.
class FormReader {
 public:
  FormReader() noexcept = default;
  FormReader(const FormReader&) = delete;
  FormReader& operator=(const FormReader&) = delete;
  virtual ~FormReader() = default;

  virtual void feed(std::string_view piece) = 0;
  virtual Form finish() = 0;
};

class UrlencodedReader final : public FormReader {
 public:
  explicit UrlencodedReader(const FormOptions& options) noexcept : options_(options) {}

  void feed(std::string_view piece) override {
    if (piece.size() > options_.max_memory_bytes - text_.size()) too_large("The form is too long.");
    text_.append(piece);
  }

  Form finish() override {
    auto fields = parse_urlencoded(text_, options_.max_fields);
    if (!fields) too_large("The form has too many fields.");
    for (const NameValue& field : *fields) {
      if (field.value.size() > options_.max_field_bytes) too_large("A field of the form is too long.");
    }
    return {std::move(*fields), {}};
  }

 private:
  const FormOptions& options_;
  std::string text_;
};

class MultipartReader final : public FormReader, private PartReceiver {
 public:
  MultipartReader(const FormOptions& options, std::string_view boundary)
      : options_(options),
        parser_(boundary,
                {options.max_fields + options.max_files, kPartHeadBytes, options.max_field_bytes,
                 options.max_file_bytes, options.max_files_bytes},
                *this) {}

  void feed(std::string_view piece) override { check(parser_.feed(piece)); }
  Form finish() override {
    check(parser_.finish());
    return std::move(form_);
  }

 private:
  static void check(const Refusal* refusal) {
    if (refusal != nullptr) throw Error(refusal->status, std::string(refusal->reason));
  }

  void part_begins(PartHead head) override {
    is_file_ = head.is_file();
    if (!is_file_) {
      if (form_.fields.size() == options_.max_fields) too_large("The form has too many fields.");
      count_memory(head.disposition.name.size());
      form_.fields.push_back({std::move(head.disposition.name), {}});
      return;
    }
    file_ = {};
    file_.name = std::move(head.disposition.name);
    file_.filename = safe_filename(*head.disposition.filename);
    file_.content_type = std::move(head.content_type);
    // A file input that the user left empty is sent as a file without a name and bytes.
    if (!head.disposition.filename->empty()) open_file();
  }

  void part_data(std::string_view bytes) override {
    if (!is_file_) {
      count_memory(bytes.size());
      form_.fields.back().value.append(bytes);
      return;
    }
    if (!fd_.is_open()) open_file();
    write_all(fd_.get(), bytes);
    file_.size += bytes.size();
  }

  void part_ends() override {
    if (!is_file_ || !fd_.is_open()) return;
    file_.fd = fd_.release();
    form_.files.push_back(UploadedFileParts::make(std::move(file_)));
  }

  void open_file() {
    if (form_.files.size() == options_.max_files) too_large("The form has too many files.");
    form_.files.reserve(form_.files.size() + 1);  // so that making the owner of the descriptor can't fail
    fd_ = make_nameless_file(std::string(options_.directory.path));
  }

  void count_memory(std::size_t bytes) {
    memory_ += bytes;
    if (memory_ > options_.max_memory_bytes) too_large("The fields of the form together are too long.");
  }

  const FormOptions& options_;
  MultipartParser parser_;
  Form form_;
  UploadedFileParts::Content file_;  // the file being received; its descriptor is fd_
  ipc::UniqueFd fd_;
  std::size_t memory_ = 0;
  bool is_file_ = false;
};

std::unique_ptr<FormReader> make_reader(const Request& request, const FormOptions& options) {
  const ContentType type = content_type_of(request, kWanted);
  if (type.is("application", "x-www-form-urlencoded")) return std::make_unique<UrlencodedReader>(options);
  if (!type.is("multipart", "form-data"))
    throw Error(Status::unsupported_media_type, "The Content-Type is to be " + std::string(kWanted) + ".");
  const auto boundary = type.parameter("boundary");
  if (!boundary || !is_boundary(*boundary)) throw Error(Status::bad_request, "The form's boundary is malformed.");
  return std::make_unique<MultipartReader>(options, *boundary);
}

}  // namespace

std::optional<std::string_view> Form::field(std::string_view name) const noexcept {
  const auto found = std::find_if(fields.begin(), fields.end(), [&](const NameValue& f) { return f.name == name; });
  return found != fields.end() ? std::optional<std::string_view>(found->value) : std::nullopt;
}

const UploadedFile* Form::file(std::string_view name) const noexcept {
  const auto found = std::find_if(files.begin(), files.end(), [&](const UploadedFile& f) { return f.name() == name; });
  return found != files.end() ? &*found : nullptr;
}

Task<Form> read_form(Request& request, FormOptions options) {
  const std::unique_ptr<FormReader> reader = make_reader(request, options);
  if (request.is_streamed()) {
    while (const auto piece = co_await request.read()) reader->feed(*piece);
  } else {
    reader->feed(request.body());
  }
  co_return reader->finish();
}

}  // namespace prefork::http
