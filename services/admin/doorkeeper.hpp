#pragma once

#include <optional>
#include <string>
#include <string_view>

/// Decides who may see the server's numbers, and who may change something. Pure, except for read_token().
namespace admin {

/// Whether a client's address, in the form of `Request::peer_address`, belongs to this machine: 127.0.0.0/8, ::1, unix.
bool is_loopback(std::string_view address);

/// Whether the requested host is this machine whatever the DNS says: an address, `localhost`, or none. A page of
/// another site whose name was made to point here (DNS rebinding) asks for that name.
bool is_literal_host(std::string_view host);

/// Whether both are the same, in a time that depends only on the length of `given`.
bool same_secret(std::string_view secret, std::string_view given) noexcept;

/// The token of `Authorization: Bearer TOKEN` (RFC 6750 2.1); nullopt: the field holds something else.
std::optional<std::string_view> bearer_token(std::string_view authorization);

/// @param origin  where it was given, for the message
/// @throws std::runtime_error: it is not a token (RFC 6750 2.1), or has fewer than 16 or more than 512 characters
void check_token(std::string_view token, const std::string& origin);

/// Reads the one line of a token file. @throws std::runtime_error, one sentence: the file can't be read, everybody may
/// read it, or others than its owner may write it; or its content is not a token (RFC 6750 2.1) or is shorter than 16
/// characters
std::string read_token(const std::string& path);

}  // namespace admin
