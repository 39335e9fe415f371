// The Content-Disposition of a download (RFC 6266): a file name is data, whatever it is made of.
#pragma once

#include <string>
#include <string_view>

namespace holdfast::protocol {

/// A longer name is cut, between two characters: no file system takes more.
inline constexpr std::size_t kDispositionNameBytesMax = 255;

/// "attachment; filename=\"a_.txt\"; filename*=UTF-8''a%C3%A4.txt". `name` is UTF-8. Separators of paths and control
/// characters become underscores; filename* is there when filename cannot say it all.
std::string content_disposition(std::string_view type, std::string_view name);

/// A parameter of such a field as senders have it: quoted or not. Empty when it is not there.
std::string disposition_parameter(std::string_view field, std::string_view name);
/// The file name that a sender gives: filename*, else filename. UTF-8, or empty. Data, never a path.
std::string name_in_disposition(std::string_view field);

}  // namespace holdfast::protocol
