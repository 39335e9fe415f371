// How messages of this folder read a CBOR map: a list of keys, and where each value goes. Not for other modules.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "holdfast/core/protocol/cbor.h"

namespace holdfast::protocol {

using ReadField = std::function<Result<void>(CborReader&)>;

/// One key of a map and how to read its value.
struct Field {
  std::string_view key;
  ReadField read;
  bool optional = false;
};

struct MapStyle {
  bool byte_keys = false;  // keys are byte strings, not texts
  bool open = false;       // other keys are skipped (at most 256), not an error
};

// Errors of all: malformed.

/// All fields but optional ones must be there, each once.
Result<void> read_map(CborReader& in, const std::vector<Field>& fields, MapStyle style);
/// The same of a body that holds one map with text keys, and nothing after it.
Result<void> read_whole(ByteView bytes, const std::vector<Field>& fields, bool open = false);

ReadField into(std::uint64_t& out);
ReadField into(bool& out);
ReadField into(std::string& out);  // a text
ReadField into(Bytes& out);

}  // namespace holdfast::protocol
