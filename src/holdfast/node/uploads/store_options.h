// What a store of uploads is told, what it answers, and what it counts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "holdfast/core/base/ids.h"

namespace holdfast::uploads {

struct StoreOptions {
  std::string receiving_directory, sealed_directory;         // may be the same one
  std::string token_key_path;                                // made when missing, 0600
  std::uint64_t bytes_max = std::uint64_t{1} << 62U;         // of all uploads
  std::uint64_t upload_bytes_max = std::uint64_t{1} << 62U;  // of one
  std::size_t uploads_max = 10'000;                          // open ones
  std::uint64_t free_bytes_min = 1'073'741'824;              // left to the rest of the machine
  std::uint64_t retention_seconds = 604'800;                 // of an open upload to which nothing comes
  std::uint64_t idle_seconds = 1'800;                        // then it is dormant: may be evicted; an empty one ends,
  bool keeps_empty = false;                                  // unless these are kept as long as others
  std::uint64_t result_seconds = ~std::uint64_t{0};          // how long a committed one is remembered
  std::uint64_t tombstone_seconds = 0;                       // and one that has ended,
  std::size_t tombstones_max = 10'000;                       // of which the oldest are forgotten first
  bool whole_digest = false;                                 // SHA-256 of all bytes runs along; it is what seals
};

struct StoreCounters {
  std::uint64_t created = 0, resumed = 0, sealed = 0, committed = 0, expired = 0, evicted = 0, failed = 0, dropped = 0;
  std::uint64_t bytes_received = 0, bytes_resumed = 0;  // resumed: behind a body that broke off
  std::uint64_t takeovers = 0, pieces_replaced = 0, syncs = 0, sync_failures = 0;
};

struct NewUpload {
  std::string name;  // a file name; not in use
  Hash owner;
  std::optional<std::uint64_t> length;
  Bytes about;
  bool joined = false;  // its bytes lie in other uploads
};

struct HeldDigests {
  std::uint64_t offset = 0;  // so much was durable: the last piece ends here
  std::vector<Hash> pieces;
};

}  // namespace holdfast::uploads
