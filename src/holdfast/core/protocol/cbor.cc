#include "holdfast/core/protocol/cbor.h"

#include "holdfast/core/base/endian.h"
#include "holdfast/core/protocol/utf8.h"

namespace holdfast::protocol {
namespace {

tl::unexpected<Error> wrong(std::string_view what) {
  return fail(Errc::malformed, "CBOR: expected " + std::string(what));
}

}  // namespace

void CborWriter::head(unsigned major, std::uint64_t argument) {
  const auto initial = [&](unsigned low) { out_.push_back(static_cast<std::uint8_t>(major << 5 | low)); };
  if (argument < 24) {
    initial(static_cast<unsigned>(argument));
    return;
  }
  const unsigned log = argument <= 0xff ? 0 : argument <= 0xffff ? 1 : argument <= 0xffffffff ? 2 : 3;
  initial(24 + log);
  append_be(out_, std::size_t{1} << log, argument);
}

void CborWriter::bytes(ByteView value) {
  head(2, value.size());
  append(out_, value);
}

void CborWriter::text(std::string_view value) {
  head(3, value.size());
  append(out_, value);
}

Result<CborReader::Head> CborReader::head() {
  if (rest_.empty()) return fail(Errc::malformed, "CBOR ends early");
  const unsigned major = rest_[0] >> 5;
  const unsigned low = rest_[0] & 31;
  rest_ = rest_.subspan(1);
  if (low < 24) return Head{major, low, false};
  if (low == 31) return Head{major, 0, true};
  if (low > 27) return fail(Errc::malformed, "CBOR: a reserved length");
  const std::size_t width = std::size_t{1} << (low - 24);
  if (rest_.size() < width) return fail(Errc::malformed, "CBOR ends early");
  const std::uint64_t argument = load_be(rest_, 0, width);
  rest_ = rest_.subspan(width);
  return Head{major, argument, false};
}

Result<CborReader::Head> CborReader::head_of(unsigned major, std::string_view what) {
  HF_TRY(const Head out, head());
  if (out.major != major) return wrong(what);
  return out;
}

Result<std::uint64_t> CborReader::uint() {
  HF_TRY(const Head out, head_of(0, "an unsigned integer"));
  if (out.indefinite) return wrong("an unsigned integer");
  return out.argument;
}

Result<ByteView> CborReader::string(unsigned major, std::string_view what) {
  HF_TRY(Head found, head_of(major, what));
  const bool chunked = found.indefinite;
  if (chunked) {
    HF_TRY(found, head_of(major, what));
    if (found.indefinite) return wrong(what);
  }
  if (found.argument > rest_.size()) return fail(Errc::malformed, "CBOR: a string longer than the message");
  const ByteView out = rest_.first(found.argument);
  rest_ = rest_.subspan(found.argument);
  if (chunked) {
    if (!at_break()) return fail(Errc::malformed, "CBOR: a string in several chunks");
    rest_ = rest_.subspan(1);
  }
  return out;
}

Result<ByteView> CborReader::bytes() {
  return string(2, "a byte string");
}

Result<std::string_view> CborReader::text() {
  HF_TRY(const ByteView out, string(3, "a text string"));
  if (!is_utf8(text_of(out))) return fail(Errc::malformed, "CBOR: a text string that is not UTF-8");
  return text_of(out);
}

Result<bool> CborReader::boolean() {
  // The byte itself: behind a head of major type 7 there are also floats, whose bits may read 20 or 21.
  if (rest_.empty() || (rest_[0] != 0xf4 && rest_[0] != 0xf5)) return wrong("a boolean");
  const bool out = rest_[0] == 0xf5;
  rest_ = rest_.subspan(1);
  return out;
}

Result<CborReader::Container> CborReader::container(unsigned major, std::string_view what) {
  HF_TRY(const Head found, head_of(major, what));
  if (found.argument > rest_.size()) return fail(Errc::malformed, "CBOR: more items than the message has bytes");
  return Container(*this, found.argument, found.indefinite);
}

Result<CborReader::Container> CborReader::array() {
  return container(4, "an array");
}
Result<CborReader::Container> CborReader::map() {
  return container(5, "a map");
}

Result<CborReader::Container> CborReader::set() {
  HF_TRY(const Head tag, head_of(6, "a set (tag 258)"));
  if (tag.indefinite || tag.argument != 258) return wrong("a set (tag 258)");
  return array();
}

Result<bool> CborReader::Container::next() {
  if (!indefinite_) return left_ > 0 ? (--left_, true) : false;
  if (!reader_.at_break()) return true;
  reader_.rest_ = reader_.rest_.subspan(1);
  return false;
}

Result<void> CborReader::skip(unsigned depth) {
  if (depth == 0) return fail(Errc::malformed, "CBOR nested too deeply");
  if (rest_.empty()) return fail(Errc::malformed, "CBOR ends early");
  const unsigned major = rest_[0] >> 5;
  if (major == 2 || major == 3) {
    HF_TRY_VOID(string(major, "a string"));
    return {};
  }
  if (major == 4 || major == 5) {
    HF_TRY(Container items, container(major, "items"));
    for (;;) {
      HF_TRY(const bool more, items.next());
      if (!more) return {};
      HF_TRY_VOID(skip(depth - 1));
      if (major == 5) HF_TRY_VOID(skip(depth - 1));
    }
  }
  HF_TRY(const Head found, head());
  if (found.indefinite) return fail(Errc::malformed, "CBOR: a break out of place");
  return major == 6 ? skip(depth - 1) : Result<void>{};
}

Result<void> CborReader::end() const {
  if (!rest_.empty()) return fail(Errc::malformed, "CBOR: bytes after the message");
  return {};
}

}  // namespace holdfast::protocol
