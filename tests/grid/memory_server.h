// A storage server in memory. Every answer goes through the codecs of the wire, and a test may change it on the way.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "holdfast/edge/io/waiting.h"
#include "holdfast/node/grid/storage_server.h"

namespace holdfast::test {

enum class Kind { version, list, allocate, write, status, read };
inline constexpr std::array kKindNames{"version", "list", "allocate", "write", "status", "read"};

/// An answer as it travels: the one line of its head that means something, and its body.
struct Answer {
  Kind kind = Kind::version;
  ShareNumber share = 0;  // of a write or a read
  Range range = {};       // that was asked for
  std::string field;      // "1; retention=604800", "201", "bytes 0-67/*"
  Bytes body;
};

/// One upload a share, whoever sends it. It stands for an honest server; what is done to its answers does not.
class MemoryServer final : public grid::StorageServer {
 public:
  MemoryServer(io::Loop& loop, unsigned server)
      : number(server), loop_(loop), name_("server" + std::to_string(server)), id_("v0-" + name_) {}

  struct Upload {
    Bytes content;
    RangeSet missing;
  };
  const unsigned number;
  std::map<ShareNumber, Bytes> shares;
  std::map<ShareNumber, Upload> uploads;
  std::function<void(Answer&)> tamper;
  std::function<void(const StorageIndex&)> asked;  // before it lists or allocates
  io::Duration a_byte_takes{0};                    // of what is read
  std::function<io::Duration(Range)> pace;         // instead, for this read of a share
  std::function<bool(Range)> cut;                  // whether this read ends before its first byte
  std::optional<std::size_t> cut_after;            // so many bytes of each read
  bool keeps = true;                               // else it takes every write and keeps nothing
  bool takes_leases = true;
  bool swallows = false;          // takes writes, keeps nothing and says nothing until nobody waits
  io::Duration a_piece_takes{0};  // of what is written
  io::Time still_from = io::Time::max(), still_until = io::Time::max();  // as under SIGSTOP: asked, it says nothing
  std::uint64_t calls = 0, calls_max = 10'000;
  unsigned advised = 0, leases = 0;
  std::set<StorageIndex> allocated;  // whatever was asked for; shares are kept by their numbers alone

  const std::string& id() const override { return id_; }
  const std::string& name() const override { return name_; }
  ByteView permutation_seed() const override { return view_of(id_); }
  std::optional<SpkiHash> spki() const override { return SpkiHash::from(Bytes(SpkiHash::kSize, mark())); }
  std::optional<TubId> tub_id() const override { return TubId::from(Bytes(TubId::kSize, mark())); }
  io::Task<Result<grid::VersionAnswer>> version() override;
  io::Task<Result<std::vector<ShareNumber>>> list_shares(const StorageIndex& si) override;
  io::Task<Result<protocol::AllocateReply>> allocate(const StorageIndex& si, protocol::AllocateRequest request,
                                                     const grid::AllocateSecrets& secrets) override;
  io::Task<Result<grid::WriteAnswer>> write(const StorageIndex& si, ShareNumber share, std::uint64_t offset,
                                            grid::ByteSource& source, const Secret& upload_secret) override;
  io::Task<Result<void>> abort(const StorageIndex& si, ShareNumber share, const Secret& upload_secret) override;
  io::Task<Result<protocol::UploadStatus>> status(const StorageIndex& si, const Secret& upload_secret) override;
  io::Task<Result<Bytes>> read(const StorageIndex& si, ShareNumber share, Range range) override;
  io::Task<Result<void>> read_onto(const StorageIndex& si, ShareNumber share, Range range,
                                   grid::Arriving& out) override;
  io::Task<Result<void>> add_lease(const StorageIndex& si, const Secret& renew, const Secret& cancel) override;
  io::Task<Result<void>> advise_corrupt(const StorageIndex& si, ShareNumber share, std::string reason) override;
  grid::Traffic traffic() const override { return traffic_; }

 private:
  bool is_still() const { return loop_.now() >= still_from && loop_.now() < still_until; }
  io::Task<Result<void>> bear_standstill();
  std::uint8_t mark() const { return static_cast<std::uint8_t>(number + 1); }
  protocol::ShareSet complete() const;
  Result<grid::WriteAnswer> store(ShareNumber share, std::uint64_t offset, ByteView body);
  io::Task<Result<Answer>> answer(Answer said);

  io::Loop& loop_;
  const std::string name_, id_;
  grid::Traffic traffic_;
};

}  // namespace holdfast::test
