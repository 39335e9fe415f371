// CBOR (RFC 8949) as the storage protocol uses it: integers, strings, arrays, maps, tag 258, booleans, null.
#pragma once

#include <cstdint>
#include <string_view>

#include "holdfast/core/base/bytes.h"
#include "holdfast/core/base/result.h"

namespace holdfast::protocol {

/// Definite lengths, shortest integers.
class CborWriter {
 public:
  void uint(std::uint64_t value) { head(0, value); }
  void bytes(ByteView value);
  void text(std::string_view value);
  void array(std::uint64_t items) { head(4, items); }
  void map(std::uint64_t pairs) { head(5, pairs); }
  /// A set: tag 258 around an array of so many items.
  void set(std::uint64_t items) {
    head(6, 258);
    array(items);
  }
  void boolean(bool value) { out_.push_back(value ? 0xf5 : 0xf4); }
  Bytes take() { return std::move(out_); }

 private:
  void head(unsigned major, std::uint64_t argument);
  Bytes out_;
};

/// A pull reader over bytes that it does not own. Claimed lengths cost nothing: nothing is allocated from them, and an
/// array of n items needs n bytes to be believed. Indefinite lengths are accepted. Every error is malformed.
class CborReader {
 public:
  explicit CborReader(ByteView bytes) : rest_(bytes) {}

  Result<std::uint64_t> uint();
  /// Views into the input; an indefinite-length string must be a single chunk, and text must be UTF-8 (RFC 8949, 3.1).
  Result<ByteView> bytes();
  Result<std::string_view> text();
  Result<bool> boolean();

  /// A container being read: call next() before each item (each pair of a map); false at its end.
  class Container {
   public:
    Result<bool> next();

   private:
    friend class CborReader;
    Container(CborReader& reader, std::uint64_t left, bool indefinite)
        : reader_(reader), left_(left), indefinite_(indefinite) {}
    CborReader& reader_;
    std::uint64_t left_;
    bool indefinite_;
  };
  Result<Container> array();
  Result<Container> map();
  /// Tag 258 and its array; an untagged array is refused.
  Result<Container> set();

  /// Passes over one item of any kind; nesting beyond 16 is refused.
  Result<void> skip() { return skip(16); }
  /// Nothing may be left.
  Result<void> end() const;

 private:
  struct Head {
    unsigned major;
    std::uint64_t argument;
    bool indefinite;
  };
  Result<Head> head();
  Result<Head> head_of(unsigned major, std::string_view what);
  Result<ByteView> string(unsigned major, std::string_view what);
  Result<Container> container(unsigned major, std::string_view what);
  Result<void> skip(unsigned depth);
  bool at_break() const { return !rest_.empty() && rest_[0] == 0xff; }

  ByteView rest_;
};

}  // namespace holdfast::protocol
