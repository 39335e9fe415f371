#include "holdfast/edge/io/memory_pipe.h"

#include <algorithm>
#include <cstring>

#include "holdfast/edge/io/waiting.h"

namespace holdfast::io {
namespace {

/// One direction.
struct Channel {
  explicit Channel(Loop& loop) : changed(loop) {}
  Bytes data;
  std::size_t begin = 0;
  bool finished = false;  // the writer is done
  bool broken = false;    // one of the ends is gone
  Event changed;

  std::size_t size() const { return data.size() - begin; }
};

class PipeEnd final : public ByteStream {
 public:
  PipeEnd(Loop& loop, PipeOptions options, std::shared_ptr<Channel> in, std::shared_ptr<Channel> out)
      : loop_(loop), options_(options), in_(std::move(in)), out_(std::move(out)) {}
  ~PipeEnd() override { close(); }

  Task<Result<std::size_t>> read_some(MutableByteView out) override {
    HF_CHECK(!out.empty());
    while (in_->size() == 0) {
      if (closed_ || (in_->broken && !in_->finished)) co_return fail(Errc::unavailable, "the connection broke");
      if (in_->finished) co_return std::size_t{0};
      HF_CO_TRY_VOID(co_await wait(in_->changed, read_limit_));
    }
    const std::size_t count = std::min({out.size(), in_->size(), options_.read_bytes_max});
    std::memcpy(out.data(), in_->data.data() + in_->begin, count);
    in_->begin += count;
    if (in_->size() == 0) {
      in_->data.clear();
      in_->begin = 0;
    }
    in_->changed.notify_all();
    co_return count;
  }

  Task<Result<void>> write_all(std::span<const ByteView> parts) override {
    for (ByteView part : parts) {
      while (!part.empty()) {
        if (closed_ || out_->broken || out_->finished) co_return fail(Errc::unavailable, "the connection broke");
        const std::size_t room = options_.capacity_bytes - std::min(out_->size(), options_.capacity_bytes);
        if (room == 0) {
          HF_CO_TRY_VOID(co_await wait(out_->changed, write_limit_));
          continue;
        }
        const std::size_t count = std::min(room, part.size());
        append(out_->data, part.first(count));
        part = part.subspan(count);
        out_->changed.notify_all();
      }
    }
    co_return Result<void>{};
  }

  void finish_writing() override {
    out_->finished = true;
    out_->changed.notify_all();
  }

  void close() override {
    if (std::exchange(closed_, true)) return;
    for (Channel* channel : {in_.get(), out_.get()}) {
      channel->broken = true;
      channel->changed.notify_all();
    }
  }

  void set_idle_limits(Duration read, Duration write) override {
    read_limit_ = read;
    write_limit_ = write;
  }

  bool quiet() const override { return !closed_ && in_->size() == 0 && !in_->finished && !in_->broken; }
  bool peer_finished() const override { return closed_ || in_->broken || (in_->finished && in_->size() == 0); }

 private:
  Task<Result<void>> wait(Event& event, Duration limit) {
    CancelScope& outer = co_await this_scope();
    CancelScope inner(outer);
    bool expired = false;
    std::unique_ptr<Loop::Timer> timer;
    if (limit < kNoLimit) {
      timer = loop_.at(loop_.now() + limit, [&expired, &inner] {
        expired = true;
        inner.cancel();
      });
    }
    auto told = event.wait();
    const bool changed = co_await told.in(inner);
    if (changed) co_return Result<void>{};
    if (expired) co_return fail(Errc::timeout, "the peer is silent");
    co_return fail(Errc::cancelled, "stopped");
  }

  Loop& loop_;
  PipeOptions options_;
  std::shared_ptr<Channel> in_, out_;
  Duration read_limit_ = kNoLimit, write_limit_ = kNoLimit;
  bool closed_ = false;
};

}  // namespace

std::pair<std::unique_ptr<ByteStream>, std::unique_ptr<ByteStream>> make_memory_pipe(Loop& loop, PipeOptions options) {
  const auto there = std::make_shared<Channel>(loop);
  const auto back = std::make_shared<Channel>(loop);
  return {std::make_unique<PipeEnd>(loop, options, back, there), std::make_unique<PipeEnd>(loop, options, there, back)};
}

}  // namespace holdfast::io
