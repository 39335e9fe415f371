#include "holdfast/node/transfer/segment_source.h"

#include <mutex>

namespace holdfast::transfer {
namespace {

Error changed_error(const std::string& path) {
  return Error{Errc::changed,
               path + " changed while it was being read; run the same command again to upload what it is now"};
}

/// Exactly out.size() bytes: a file that got shorter has changed.
Result<void> read_exactly(io::File& file, const std::string& path, std::uint64_t offset, MutableByteView out) {
  HF_TRY(const std::size_t count, file.read(offset, out));
  if (count != out.size()) return tl::make_unexpected(changed_error(path));
  return {};
}

Result<SourceIdentity> identity_of(const std::string& path, const io::FileInfo& info) {
  if (info.is_directory) return fail(Errc::unsupported, path + " is a directory; name a file");
  return SourceIdentity{path, info.size, info.mtime_ns, info.ctime_ns, info.inode, info.device};
}

class FileSource final : public SegmentSource {
 public:
  FileSource(const Context& context, const PutJournal& journal, const immutable::Geometry& geometry)
      : context_(context),
        journal_(journal),
        geometry_(geometry),
        key_hasher_(journal.k, journal.n, journal.segment_bytes, context.convergence) {}

  io::Task<Result<Buffer>> next() override {
    const SegmentNumber segment = next_++;
    auto job = [this, segment]() -> Result<Buffer> {
      HF_TRY(Buffer bytes, read(segment));
      if (journal_.key_mode == KeyMode::convergent) key_hasher_.update(bytes);
      return bytes;
    };
    co_return co_await context_.cpu.run(std::move(job));
  }

  io::Task<Result<Buffer>> again(SegmentNumber segment) override {
    auto job = [this, segment] { return read(segment); };
    co_return co_await context_.cpu.run(std::move(job));
  }

  io::Task<Result<void>> prove() override {
    if (journal_.key_mode == KeyMode::convergent && key_hasher_.finish() != journal_.key) {
      co_return tl::make_unexpected(changed_error(journal_.source.path));
    }
    auto job = [this]() -> Result<void> {
      HF_TRY(const SourceIdentity now, identify(context_.files, journal_.source.path));
      if (now.size != journal_.source.size) return tl::make_unexpected(changed_error(journal_.source.path));
      return {};
    };
    co_return co_await context_.disk.run(std::move(job));
  }

 private:
  Result<Buffer> read(SegmentNumber segment) {
    HF_TRY_VOID(open());
    Buffer bytes(geometry_.segment_bytes(segment));
    HF_TRY_VOID(read_exactly(*file_, journal_.source.path, segment * geometry_.segment_size(), bytes));
    if (journal_.key_mode == KeyMode::random && crypto::sha256(bytes) != journal_.piece_digests.at(segment)) {
      return tl::make_unexpected(changed_error(journal_.source.path));
    }
    return bytes;
  }

  Result<void> open() {
    const std::lock_guard lock(opening_);
    if (file_ != nullptr) return {};
    HF_TRY(file_, context_.files.open(journal_.source.path, io::Open::read));
    return {};
  }

  const Context& context_;
  const PutJournal& journal_;
  const immutable::Geometry geometry_;
  cap::ConvergentKeyHasher key_hasher_;
  std::mutex opening_;  // jobs of the pool may come first at the same time
  std::unique_ptr<io::File> file_;
  SegmentNumber next_ = 0;
};

}  // namespace

Result<SourceIdentity> identify(io::FileSystem& files, const std::string& path) {
  HF_TRY(const io::FileInfo info, files.info(path));
  return identity_of(path, info);
}

io::Task<Result<FirstPass>> hash_file(const Context& context, const SourceIdentity& source,
                                      const UploadOptions& options, const immutable::Geometry& geometry,
                                      std::uint64_t& hashed_bytes) {
  FirstPass pass;
  auto opening = [&] { return context.files.open(source.path, io::Open::read); };
  HF_CO_TRY(const std::unique_ptr<io::File> file, co_await context.disk.run(opening));
  cap::ConvergentKeyHasher key_hasher(options.k, options.n, geometry.segment_size(), context.convergence);
  io::CancelScope& scope = co_await io::this_scope();
  const bool random_key = options.key_mode == KeyMode::random;
  crypto::Sha256 content;
  Buffer buffer;
  // Digests are of segments; a key needs no boundaries, so it is read in pieces of one size all the same.
  for (SegmentNumber segment = 0; segment < geometry.num_segments(); ++segment) {
    if (scope.cancelled()) co_return fail(Errc::cancelled, "stopped");
    auto job = [&]() -> Result<void> {
      buffer.resize(geometry.segment_bytes(segment));
      HF_TRY_VOID(read_exactly(*file, source.path, segment * geometry.segment_size(), buffer));
      if (options.content_sha256) content.update(buffer);
      if (random_key) {
        pass.piece_digests.push_back(crypto::sha256(buffer));
      } else {
        key_hasher.update(buffer);
      }
      return {};
    };
    HF_CO_TRY_VOID(co_await context.cpu.run(job));
    hashed_bytes += buffer.size();
  }
  if (options.content_sha256 && content.finish() != *options.content_sha256)
    co_return fail(Errc::corrupt, source.path + " is not what was received");
  if (random_key) {
    context.random.fill(pass.key.bytes);
  } else {
    pass.key = key_hasher.finish();
  }
  co_return pass;
}

std::unique_ptr<SegmentSource> make_file_source(const Context& context, const PutJournal& journal,
                                                const immutable::Geometry& geometry) {
  return std::make_unique<FileSource>(context, journal, geometry);
}

}  // namespace holdfast::transfer
