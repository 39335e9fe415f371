#include "holdfast/edge/http/head_text.h"

namespace holdfast::http {
namespace {

std::string_view reason_of(unsigned status) {
  switch (status) {
    case 100:
      return "Continue";
    case 104:
      return "Upload Resumption Supported";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 416:
      return "Range Not Satisfiable";
    case 417:
      return "Expectation Failed";
    case 421:
      return "Misdirected Request";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 423:
      return "Locked";
    case 460:
      return "Checksum Mismatch";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 507:
      return "Insufficient Storage";
    default:
      return "Status";
  }
}

void append_clean(std::string& text, std::string_view value, bool spaces_allowed) {
  for (const char c : value) {
    const bool control = static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    if (control || (c == ' ' && !spaces_allowed)) {
      text += spaces_allowed ? ' ' : '_';
    } else {
      text += c;
    }
  }
}

}  // namespace

void append_field(std::string& text, std::string_view name, std::string_view value) {
  append_clean(text, name, false);
  text += ": ";
  append_clean(text, value, true);
  text += "\r\n";
}

void append_fields(std::string& text, const Headers& headers) {
  for (const Headers::Field& field : headers.fields()) append_field(text, field.name, field.value);
}

std::string status_line(unsigned status) {
  std::string line = "HTTP/1.1 " + std::to_string(status) + " ";
  line += reason_of(status);
  return line + "\r\n";
}

std::string request_line(std::string_view method, std::string_view target) {
  std::string line;
  append_clean(line, method, false);
  line += ' ';
  append_clean(line, target, false);
  return line + " HTTP/1.1\r\n";
}

}  // namespace holdfast::http
