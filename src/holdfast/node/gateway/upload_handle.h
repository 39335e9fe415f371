// One upload of the gateway: bytes from a browser, an app or a script on their way to the grid (design 7).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "holdfast/node/transfer/progress.h"
#include "holdfast/node/uploads/upload_store.h"

namespace holdfast::gateway {

/// What its creator said, remembered with it.
struct UploadAbout {
  enum class Dialect { tus, draft, plain };

  Dialect dialect = Dialect::plain;
  std::string metadata;            // Upload-Metadata of tus as it came
  std::string name, media_type;    // as far as anybody said
  std::optional<Hash> sha256;      // of the whole file, as its sender has it
  Bytes sha512;                    // the same; empty: not said
  bool partial = false;            // of a concatenation: never stored on its own
  std::vector<std::string> parts;  // names of partial uploads: their concatenation
};
Bytes encode(const UploadAbout& about);
/// Errors: malformed.
Result<UploadAbout> decode_upload_about(ByteView bytes);

/// What came of it. In the grid, and proven.
struct UploadResult {
  std::string cap;
  std::uint64_t size = 0;
  Hash sha256;
  std::uint64_t seconds = 0;  // from the last byte to here
};
Bytes encode(const UploadResult& result);
Result<UploadResult> decode_upload_result(ByteView bytes);

struct UploadHandle {
  enum class State {
    receiving,   // bytes are missing
    committing,  // whole and durable: on its way to the grid
    waiting,     // the grid does not take it now; it is tried again
    committed,
    failed,  // the store has ended it; so has it those that were cancelled
  };

  UploadHandle(io::Loop& loop, uploads::UploadPtr the_upload, UploadAbout the_about)
      : upload(std::move(the_upload)), about(std::move(the_about)), since(loop.now()), changed(loop) {}

  const uploads::UploadPtr upload;
  UploadAbout about;
  State state = State::receiving;
  std::vector<std::shared_ptr<UploadHandle>> parts;
  transfer::Progress progress;         // committing
  std::optional<UploadResult> result;  // committed
  std::string note;                    // why it waits, or failed
  io::Time since, retry_at{};
  unsigned tries = 0;
  io::CancelScope* work = nullptr;  // of the commit
  io::Event changed;                // another state, or try again now
  double request_tokens = 0;        // what a storm of requests uses up
  io::Time tokens_at{};

  bool is_receiving() const { return state == State::receiving && !upload->has_ended(); }
  bool has_ended() const { return upload->has_ended(); }
  /// "receiving", ..., and "cancelled" of those that failed because somebody wished it.
  std::string_view told_state() const;
  /// The offset that may be acknowledged, and the length as far as it is known; of a concatenation by its parts.
  std::uint64_t offset() const;
  std::optional<std::uint64_t> length() const;
  /// All bytes are here, and durable.
  bool is_whole() const;
  /// All bytes are the end of it; in the IETF draft a request has to say so.
  bool ends_at_length() const { return about.dialect != UploadAbout::Dialect::draft && !about.partial; }
};
using UploadHandlePtr = std::shared_ptr<UploadHandle>;

/// The name of an upload that its client chose: nobody can tell the key from it.
std::string upload_name(std::string_view kind, std::string_view key);

}  // namespace holdfast::gateway
