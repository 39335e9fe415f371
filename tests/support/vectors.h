// Loads the shared test vectors (JSON) for tests. A test that needs them starts with
//   const auto vectors = test::load_vectors("immutable-primitives.json");
//   if (!vectors) GTEST_SKIP() << test::kNoVectors;
// Field access throws (and so fails the test) when the file has another form than expected.
#pragma once

#include <boost/json.hpp>
#include <fstream>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "holdfast/core/base/bytes.h"

namespace holdfast::test {

inline constexpr char kNoVectors[] = "skipped: no shared vectors";

/// The bytes of a file below the shared vectors folder; nothing where it does not exist.
inline std::optional<Bytes> load_vector_bytes(const std::string& name) {
  std::ifstream in(std::string(HF_SHARED_DIR "/vectors/") + name, std::ios::binary);
  if (!in) return std::nullopt;
  return Bytes(std::istreambuf_iterator<char>(in), {});
}

inline std::optional<boost::json::value> load_vectors(const std::string& name) {
  const auto bytes = load_vector_bytes(name);
  if (!bytes) return std::nullopt;
  return boost::json::parse(std::string(text_of(*bytes)));
}

inline std::string text(const boost::json::value& object, std::string_view field) {
  return std::string(object.at(field).as_string());
}

inline std::uint64_t number(const boost::json::value& object, std::string_view field) {
  return object.at(field).to_number<std::uint64_t>();
}

inline const boost::json::array& list(const boost::json::value& object, std::string_view field) {
  return object.at(field).as_array();
}

inline Bytes from_hex(std::string_view hex) {
  const auto digit = [](char c) -> unsigned {
    if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
    if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a') + 10;
    throw std::invalid_argument("not a hexadecimal digit");
  };
  if (hex.size() % 2 != 0) throw std::invalid_argument("an odd number of hexadecimal digits");
  Bytes out;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    out.push_back(static_cast<std::uint8_t>(digit(hex[i]) << 4 | digit(hex[i + 1])));
  }
  return out;
}

inline Bytes hex_field(const boost::json::value& object, std::string_view field) {
  return from_hex(object.at(field).as_string());
}

inline Bytes from_base64(std::string_view base64) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  Bytes out;
  unsigned buffer = 0;
  unsigned bits = 0;
  for (char c : base64) {
    if (c == '=') break;
    const std::size_t value = kAlphabet.find(c);
    if (value == std::string_view::npos) throw std::invalid_argument("not a base64 character");
    buffer = buffer << 6 | static_cast<unsigned>(value);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    out.push_back(static_cast<std::uint8_t>(buffer >> bits));
    buffer &= (1u << bits) - 1;
  }
  return out;
}

inline Bytes base64_field(const boost::json::value& object, std::string_view field) {
  return from_base64(object.at(field).as_string());
}

/// The plaintext rule of the vectors: the seed again and again, cut to length.
inline Bytes repeat_to(ByteView seed, std::size_t length) {
  Bytes out(length);
  for (std::size_t i = 0; i < length; ++i) out[i] = seed[i % seed.size()];
  return out;
}

/// The bytes 0, 1, 2, ... that many derivation vectors use.
template <class Id>
Id counting_id() {
  Id id;
  for (std::size_t i = 0; i < Id::kSize; ++i) id.bytes[i] = static_cast<std::uint8_t>(i);
  return id;
}

}  // namespace holdfast::test
