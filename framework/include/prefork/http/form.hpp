#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <prefork/api.hpp>
#include <prefork/http/request.hpp>
#include <prefork/task.hpp>

namespace prefork::http {

/// A field of a form or a query. Its bytes come from the client and are not always UTF-8.
struct NameValue {
  std::string name;
  std::string value;
  bool operator==(const NameValue&) const = default;
};

/// Decodes application/x-www-form-urlencoded as browsers do (WHATWG URL 5.1): '+' is a space, a malformed escape stands
/// for itself, a field without '=' has an empty value, empty fields are skipped. Any thread; never blocks.
/// @return nullopt: there are more than `max_fields`
PREFORK_API std::optional<std::vector<NameValue>> parse_urlencoded(std::string_view text,
                                                                   std::size_t max_fields = 1000);

/// All fields of the query, in their order, decoded as by parse_urlencoded.
/// @throws Error 400 if there are more than `max_fields`
PREFORK_API std::vector<NameValue> query_fields(const Request& request, std::size_t max_fields = 1000);

/// A file that came with a form. It is a nameless file on disk, which disappears with this object unless `save_as` gave
/// it a name. Move-only; worker's thread.
class PREFORK_API UploadedFile {
 public:
  enum class Existing : std::uint8_t {
    keep,    ///< an existing file of that name stays as it is
    replace  ///< it is replaced atomically
  };
  UploadedFile(UploadedFile&& other) noexcept;
  UploadedFile& operator=(UploadedFile&& other) noexcept;
  ~UploadedFile();

  /// The name of the form's field.
  const std::string& name() const noexcept { return content_.name; }
  /// The client's name for the file, for display only. It is one component in UTF-8, has no '/', '\', control character
  /// or dot at its start, and at most 255 bytes. It may be empty, and two files may have the same name.
  const std::string& filename() const noexcept { return content_.filename; }
  /// The type that the client states, as it was sent; empty if it states none.
  const std::string& content_type() const noexcept { return content_.content_type; }
  std::uint64_t size() const noexcept { return content_.size; }
  /// Open for reading and writing, close-on-exec, owned by this object. Its position is at the end: use pread(2).
  int fd() const noexcept { return content_.fd; }

  /// Gives the file a name, mode 0600. The bytes reach the disk before the name does, and the name before this returns.
  /// If `path` is on another file system than FormOptions::directory, the bytes are copied. Blocks while the disk
  /// writes.
  /// @return false: there is a file of that name, which is kept
  /// @throws std::system_error; then there is no file of that name, or the old one
  [[nodiscard]] bool save_as(const std::string& path, Existing existing = Existing::keep) const;

 private:
  friend struct UploadedFileParts;
  struct Content {
    std::string name;
    std::string filename;
    std::string content_type;
    int fd = -1;
    std::uint64_t size = 0;
  };
  explicit UploadedFile(Content content) noexcept;

  Content content_;
};

/// How much of a form is accepted; more is answered with 413. The route's `max_body_bytes` limits the whole body.
struct FormOptions {
  /// A path that must stay valid until the form is read: a temporary is refused. (Not a std::string: g++ 12 destroys
  /// such members of a temporary in a co_await expression twice.)
  struct Directory {
    constexpr Directory(const char* its_path) noexcept : path(its_path) {}
    constexpr Directory(std::string_view its_path) noexcept : path(its_path) {}
    Directory(const std::string& its_path) noexcept : path(its_path) {}
    Directory(std::string&&) = delete;
    std::string_view path;
  };
  /// Where files are kept until they are saved, ideally on the file system of their destination.
  Directory directory = "/tmp";
  std::size_t max_fields = 1000;           ///< fields that are not files
  std::size_t max_field_bytes = 65536;     ///< of one value
  std::size_t max_memory_bytes = 1048576;  ///< of all fields that are not files, including their names
  std::size_t max_files = 16;
  std::uint64_t max_file_bytes = 16U << 20;
  std::uint64_t max_files_bytes = 64U << 20;  ///< of all files together
};

struct PREFORK_API Form {
  std::vector<NameValue> fields;    ///< in their order
  std::vector<UploadedFile> files;  ///< without those that the user left empty

  /// The first field or file with that name. Valid as long as the form is not changed.
  std::optional<std::string_view> field(std::string_view name) const noexcept;
  const UploadedFile* file(std::string_view name) const noexcept;
};

/// Reads the body of a request as a form: application/x-www-form-urlencoded, or multipart/form-data (RFC 7578), whose
/// files are written to disk as they arrive. Works on routes with collected and with streamed bodies; files larger than
/// memory should hold need the latter. Waits for the client as Request::read does; blocks while the kernel takes a
/// piece of a file.
/// @throws Error 415 for another type or a Content-Encoding, 413 beyond the options, 400 for a malformed form, 507 if
/// the disk is full; what Request::read throws; std::system_error if `directory` can't be written to. No file is left
/// behind, even if the worker is killed.
PREFORK_API Task<Form> read_form(Request& request, FormOptions options = {});

}  // namespace prefork::http
