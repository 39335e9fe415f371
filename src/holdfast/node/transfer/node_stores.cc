#include "holdfast/node/transfer/node_stores.h"

#include <unistd.h>
#include <atomic>

namespace holdfast::transfer {
namespace {

class FileNodeStore final : public hashtree::NodeStore {
 public:
  FileNodeStore(io::FileSystem& files, const std::string& path) {
    auto opened = files.open(path, io::Open::create_new);
    if (opened) {
      file_ = std::move(*opened);
      // The open file keeps its content; nothing is left behind by a crash.
      static_cast<void>(files.unlink(path));
    } else {
      error_ = opened.error();
    }
  }

  Result<void> write(std::uint64_t first, std::span<const Hash> hashes) override {
    if (file_ == nullptr) return tl::make_unexpected(error_);
    return file_->write(first * Hash::kSize, {hashes.data()->bytes.data(), hashes.size() * Hash::kSize});
  }

  Result<void> read(std::uint64_t first, std::span<Hash> hashes) const override {
    if (file_ == nullptr) return tl::make_unexpected(error_);
    HF_TRY(const std::size_t count,
           file_->read(first * Hash::kSize, {hashes.data()->bytes.data(), hashes.size() * Hash::kSize}));
    if (count != hashes.size() * Hash::kSize) return fail(Errc::io, "a temporary file of hashes ends early");
    return {};
  }

 private:
  std::unique_ptr<io::File> file_;
  Error error_{Errc::io, ""};
};

}  // namespace

immutable::NodeStoreFactory make_node_stores(io::FileSystem& files, std::string directory) {
  auto serial = std::make_shared<std::atomic<unsigned>>(0);
  return
      [&files, directory = std::move(directory), serial](std::uint64_t hashes) -> std::unique_ptr<hashtree::NodeStore> {
        if (hashes * Hash::kSize <= immutable::kHashBytesInMemoryMax)
          return std::make_unique<hashtree::MemoryNodeStore>(hashes);
        const std::string name = "hashes-" + std::to_string(::getpid()) + "-" + std::to_string((*serial)++);
        return std::make_unique<FileNodeStore>(files, directory + "/" + name);
      };
}

}  // namespace holdfast::transfer
