// The file in a form, as a body of its own.
#pragma once

#include "holdfast/core/protocol/multipart.h"
#include "holdfast/edge/http/message.h"

namespace holdfast::gateway {

/// Reads the part "file" of a form; the other parts are passed over, up to 64 KiB of them. Memory: one buffer.
class FormFile final : public http::BodyReader {
 public:
  FormFile(http::BodyReader& form, std::string_view boundary) : form_(form), reader_(boundary) {}

  /// Up to the file. Errors: malformed (no file in it), those of reading.
  io::Task<Result<void>> find();
  std::string file_name() const { return reader_.file_name(); }
  std::string media_type() const { return reader_.media_type(); }

  io::Task<Result<std::size_t>> read_some(MutableByteView out) override;
  std::optional<std::uint64_t> length() const override { return std::nullopt; }
  const http::Headers& trailers() const override { return form_.trailers(); }

 private:
  using Event = protocol::MultipartReader::Event;
  /// The next event that is not need_more. Its bytes are in the buffer until the next call.
  io::Task<Result<Event>> next();

  http::BodyReader& form_;
  protocol::MultipartReader reader_;
  Bytes buffer_;
  std::size_t used_ = 0;
  bool last_ = false;
  ByteView content_;  // what is left of an event
  std::size_t others_ = 0;
  bool in_file_ = false, over_ = false;
};

}  // namespace holdfast::gateway
