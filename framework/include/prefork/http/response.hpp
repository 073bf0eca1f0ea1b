#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <prefork/api.hpp>
#include <prefork/http/body_writer.hpp>
#include <prefork/http/file_handle.hpp>
#include <prefork/http/status.hpp>

namespace prefork::http {

/// Text that outlives every response, so that a body need not be copied: `StaticText("Hello")`. Compiles only for
/// constants; for other permanent memory use `StaticText::unowned`.
class StaticText {
 public:
  explicit consteval StaticText(const char* literal) : view_(literal) {}
  /// REQUIRES that the bytes stay unchanged for the life of the worker.
  static constexpr StaticText unowned(std::string_view bytes) noexcept { return StaticText(bytes); }
  constexpr std::string_view view() const noexcept { return view_; }

 private:
  explicit constexpr StaticText(std::string_view bytes) noexcept : view_(bytes) {}
  std::string_view view_;
};

/// A media type written in the source, checked when it is compiled: `MediaType("text/plain")`.
class MediaType {
 public:
  explicit consteval MediaType(const char* literal) : view_(literal) {
    for (const char c : view_) {
      if (c < 0x20 || c > 0x7e) throw "a media type holds visible ASCII and spaces only";
    }
  }
  constexpr std::string_view view() const noexcept { return view_; }

 private:
  std::string_view view_;
};

inline constexpr MediaType kTextPlain{"text/plain; charset=utf-8"};
inline constexpr MediaType kTextHtml{"text/html; charset=utf-8"};
inline constexpr MediaType kJson{"application/json"};

/// A range of bytes of an open file.
struct FilePart {
  SharedFile file;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

/// Bytes that several responses share, such as a cached file.
using SharedBytes = std::shared_ptr<const std::string>;

/// A piece of a body that consists of several.
using BodyPart = std::variant<std::string, SharedBytes, FilePart>;

struct SpecialBody;
struct ResponseParts;

struct Cookie;

/// A handler's answer. A value; the worker adds Server, Date, Content-Length and Connection.
class PREFORK_API Response {
 public:
  /// 200 without a body.
  Response() noexcept = default;
  explicit Response(Status status) noexcept : status_(status) {}

  static Response text(std::string body, Status status = Status::ok);
  static Response text(StaticText body, Status status = Status::ok) noexcept;
  static Response html(std::string body, Status status = Status::ok);
  static Response html(StaticText body, Status status = Status::ok) noexcept;
  /// `body` must already be JSON text.
  static Response json(std::string body, Status status = Status::ok);
  static Response json(StaticText body, Status status = Status::ok) noexcept;
  /// A body of unknown length, written by a coroutine that runs after the handler has ended: it must own what it uses
  /// of the request. A HEAD request is answered without calling it.
  static Response stream(MediaType type, BodyFunction function, Status status = Status::ok);
  /// A short page with the status and, below it, the detail: as HTML or JSON if the client prefers that, else as text
  /// (RFC 9110 12.5.1).
  static Response error(Status status, std::string detail = {});
  static Response not_found() { return error(Status::not_found); }
  static Response no_content() noexcept { return Response(Status::no_content); }
  /// @throws std::invalid_argument as `set`.
  static Response redirect(std::string_view location, Status status = Status::found);

  Status status() const noexcept { return status_; }
  Response& status(Status status) noexcept {
    status_ = status;
    return *this;
  }

  /// Replaces all header lines with that name, in any case, by this one.
  /// @throws std::invalid_argument if the name is not a token or the value holds CR, LF, NUL or another control
  /// character (RFC 9110 5.5), and for the fields that the worker writes itself: Connection, Content-Length, Date,
  /// Server, Transfer-Encoding
  Response& set(std::string_view name, std::string_view value);
  /// Adds a header line beside those with the same name. Throws as `set`.
  Response& add(std::string_view name, std::string_view value);
  /// The first header line with that name; valid until the response is changed.
  std::optional<std::string_view> header(std::string_view name) const noexcept;

  Response& content_type(MediaType type);
  Response& body(std::string body) noexcept;
  Response& body(StaticText body) noexcept;
  /// Sent without a copy.
  Response& body(SharedBytes body);
  /// Sent one after the other; files by sendfile(2). A file that turns out to be shorter than stated ends the
  /// connection.
  Response& body(std::vector<BodyPart> parts);
  Response& body(BodyFunction function);
  /// The body that a string or a constant set; empty for the other kinds of body.
  std::string_view body() const noexcept { return borrowed_.data() != nullptr ? borrowed_ : std::string_view(owned_); }

  /// Adds a Set-Cookie line (prefork/http/cookie.hpp). @throws std::invalid_argument for an invalid attribute
  Response& set_cookie(const Cookie& cookie);

  /// Closes the connection after this response, with `Connection: close`.
  Response& close() noexcept {
    close_ = true;
    return *this;
  }
  bool closes() const noexcept { return close_; }
  /// Whether it has an Upgrade field, which the worker then names in Connection (RFC 9110 7.8).
  bool offers_upgrade() const noexcept { return offers_upgrade_; }

 private:
  friend struct ResponseParts;

  /// A body other than a string or a constant. Usually none; copied by value.
  struct PREFORK_API SpecialBox {
    SpecialBox() noexcept = default;
    SpecialBox(const SpecialBox& other) : value(other.value != nullptr ? copy_of(*other.value) : nullptr) {}
    SpecialBox(SpecialBox&& other) noexcept : value(std::exchange(other.value, nullptr)) {}
    SpecialBox& operator=(SpecialBox other) noexcept {
      std::swap(value, other.value);
      return *this;
    }
    ~SpecialBox() { reset(); }
    void reset() noexcept {
      if (value != nullptr) destroy(std::exchange(value, nullptr));
    }
    SpecialBody* value = nullptr;

   private:
    static SpecialBody* copy_of(const SpecialBody& body);
    static void destroy(SpecialBody* body) noexcept;
  };

  void put(std::string_view name, std::string_view value);
  static Response with(std::string body, std::string_view type, Status status);
  static Response with(StaticText body, std::string_view type, Status status) noexcept;

  std::string owned_;
  std::string fields_;  // each field as its lengths, its name and its value; without media_type_
  std::string_view borrowed_;
  std::string_view media_type_;
  SpecialBox special_;
  Status status_ = Status::ok;
  bool close_ = false;
  bool offers_upgrade_ = false;
};

/// Escapes & < > " ' for HTML text and quoted attribute values. Any thread.
PREFORK_API std::string escape_html(std::string_view text);

}  // namespace prefork::http
