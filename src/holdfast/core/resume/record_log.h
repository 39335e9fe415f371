// How the journals of incomplete uploads are framed (storage-server.md 8): records that are whole and right, or not there.
#pragma once

#include <optional>

#include "holdfast/core/base/bytes.h"

namespace holdfast::resume {

/// type (1 byte), length of the payload (3, big-endian), payload, CRC-32C of all of it (4).
inline constexpr std::size_t kRecordOverheadBytes = 8;
inline constexpr std::size_t kRecordPayloadBytesMax = (1U << 24U) - 1;

Bytes encode_record(std::uint8_t type, ByteView payload);

struct Record {
  std::uint8_t type = 0;
  ByteView payload;       // into the input
  std::size_t bytes = 0;  // of the whole record
};
/// The record that begins at `at`; nothing when it is cut short, too long or damaged: the journal ends there.
std::optional<Record> decode_record(ByteView journal, std::size_t at, std::size_t payload_bytes_max);

}  // namespace holdfast::resume
