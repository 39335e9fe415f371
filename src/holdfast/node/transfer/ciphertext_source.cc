#include "holdfast/node/transfer/ciphertext_source.h"

#include <mutex>

#include "holdfast/core/resume/piece_digests.h"

namespace holdfast::transfer {
namespace {

class CiphertextSource final : public SegmentSource {
 public:
  CiphertextSource(const Context& context, std::string path, const immutable::Geometry& geometry, const Hash& pieces)
      : context_(context), path_(std::move(path)), geometry_(geometry), pieces_(pieces) {}

  io::Task<Result<Buffer>> next() override {
    const SegmentNumber segment = next_++;
    auto job = [this, segment]() -> Result<Buffer> {
      HF_TRY(Buffer bytes, read(segment));
      seen_.update(bytes);
      return bytes;
    };
    co_return co_await context_.cpu.run(std::move(job));
  }

  io::Task<Result<Buffer>> again(SegmentNumber segment) override {
    auto job = [this, segment] { return read(segment); };
    co_return co_await context_.cpu.run(std::move(job));
  }

  io::Task<Result<void>> prove() override {
    std::vector<Hash> digests;
    for (std::uint64_t piece = 0; piece < seen_.count(); ++piece) digests.push_back(*seen_.at(piece));
    if (resume::digest_of_pieces(digests) != pieces_)
      co_return fail(Errc::corrupt, "the spooled ciphertext is not what was received");
    co_return Result<void>{};
  }

 private:
  Result<Buffer> read(SegmentNumber segment) {
    HF_TRY_VOID(open());
    Buffer bytes(geometry_.segment_bytes(segment));
    HF_TRY(const std::size_t count, file_->read(segment * geometry_.segment_size(), bytes));
    if (count != bytes.size()) return fail(Errc::corrupt, "the spooled ciphertext is shorter than what was received");
    return bytes;
  }

  Result<void> open() {
    const std::lock_guard lock(opening_);
    if (file_ != nullptr) return {};
    HF_TRY(file_, context_.files.open(path_, io::Open::read));
    return {};
  }

  const Context& context_;
  const std::string path_;
  const immutable::Geometry geometry_;
  const Hash pieces_;
  std::mutex opening_;  // jobs of the pool may come first at the same time
  std::unique_ptr<io::File> file_;
  SegmentNumber next_ = 0;
  resume::PieceDigests seen_;
};

}  // namespace

std::unique_ptr<SegmentSource> make_ciphertext_source(const Context& context, std::string path,
                                                      const immutable::Geometry& geometry, const Hash& pieces) {
  return std::make_unique<CiphertextSource>(context, std::move(path), geometry, pieces);
}

}  // namespace holdfast::transfer
