// The body of a message as it comes from a connection, whatever the framing.
#pragma once

#include "holdfast/edge/http/chunk_decoder.h"
#include "holdfast/edge/http/message.h"
#include "holdfast/edge/io/byte_stream.h"

namespace holdfast::http {

/// What was read from a connection and not used yet. Takes no memory while it is empty and released.
class InputBuffer {
 public:
  ByteView bytes() const { return ByteView(storage_).subspan(begin_); }
  bool empty() const { return begin_ == storage_.size(); }
  void consume(std::size_t count);
  void push(ByteView bytes);
  /// Reads once from the stream; 0 at its end.
  io::Task<Result<std::size_t>> fill(io::ByteStream& stream);
  void release();

 private:
  Bytes storage_;
  std::size_t begin_ = 0;
};

/// Buffer and stream must outlive it. Content of known length goes from the stream straight into the reader's
/// buffer. A body that ends early is unavailable, one with bad framing malformed; both are final.
class MessageBody final : public BodyReader {
 public:
  static MessageBody none(InputBuffer& buffer, io::ByteStream& stream) { return {buffer, stream, Kind::length, 0}; }
  static MessageBody of_length(InputBuffer& buffer, io::ByteStream& stream, std::uint64_t length) {
    return {buffer, stream, Kind::length, length};
  }
  static MessageBody chunked(InputBuffer& buffer, io::ByteStream& stream) { return {buffer, stream, Kind::chunked, 0}; }
  /// Everything to the end of the stream: answers of HTTP/1.0.
  static MessageBody to_end(InputBuffer& buffer, io::ByteStream& stream) { return {buffer, stream, Kind::to_end, 0}; }

  io::Task<Result<std::size_t>> read_some(MutableByteView out) override;
  std::optional<std::uint64_t> length() const override;
  const Headers& trailers() const override { return trailers_; }
  /// Nothing more is to be read from the stream; known without another call where framing tells.
  bool done() const;
  bool failed() const { return failed_; }
  std::uint64_t bytes_read() const { return bytes_read_; }

 private:
  enum class Kind { length, chunked, to_end };
  MessageBody(InputBuffer& buffer, io::ByteStream& stream, Kind kind, std::uint64_t length)
      : buffer_(&buffer), stream_(&stream), kind_(kind), length_(length), left_(length) {}
  io::Task<Result<std::size_t>> read_data(MutableByteView out);
  /// Until data is next or the body is over.
  io::Task<Result<void>> read_framing();
  /// The rest of a chunk's framing, as far as it is here already.
  Result<void> frame_buffered();
  Result<void> take_trailers();

  InputBuffer* buffer_;
  io::ByteStream* stream_;
  Kind kind_;
  std::uint64_t length_;
  std::uint64_t left_;
  std::uint64_t bytes_read_ = 0;
  ChunkDecoder chunks_;
  Headers trailers_;
  bool ended_ = false;
  bool failed_ = false;
};

}  // namespace holdfast::http
