// The port to a storage server, in one process and on virtual time: a client's end of the road to a real share store.
#pragma once

#include <functional>

#include "holdfast/node/grid/storage_server.h"
#include "sim/liar.h"
#include "sim/network.h"
#include "sim/witness.h"

namespace holdfast::sim {

/// A server of the grid as all clients share it.
struct Host {
  Host(io::SimulatedLoop& loop, Trial& trial, const Scenario& scenario, unsigned number);
  const unsigned number;
  const std::string name, id;
  Bytes seed;
  Machine machine;
  Road road;
  Liar liar;
  Witness witness;
};

/// One client's connection to it. The work goes on in the server's process, whatever becomes of who asked.
class SimStorageServer final : public grid::StorageServer {
 public:
  SimStorageServer(Trial& trial, Host& host) : trial_(trial), host_(host) {}

  const std::string& id() const override { return host_.id; }
  const std::string& name() const override { return host_.name; }
  ByteView permutation_seed() const override { return host_.seed; }
  std::optional<SpkiHash> spki() const override;
  std::optional<TubId> tub_id() const override;
  io::Task<Result<grid::VersionAnswer>> version() override;
  io::Task<Result<std::vector<ShareNumber>>> list_shares(const StorageIndex& si) override;
  io::Task<Result<protocol::AllocateReply>> allocate(const StorageIndex& si, protocol::AllocateRequest request,
                                                     const grid::AllocateSecrets& secrets) override;
  io::Task<Result<grid::WriteAnswer>> write(const StorageIndex& si, ShareNumber share, std::uint64_t offset,
                                            grid::ByteSource& source, const Secret& upload_secret) override;
  io::Task<Result<void>> abort(const StorageIndex& si, ShareNumber share, const Secret& upload_secret) override;
  io::Task<Result<protocol::UploadStatus>> status(const StorageIndex& si, const Secret& upload_secret) override;
  io::Task<Result<Bytes>> read(const StorageIndex& si, ShareNumber share, Range range) override;
  io::Task<Result<void>> add_lease(const StorageIndex& si, const Secret& renew, const Secret& cancel) override;
  io::Task<Result<void>> advise_corrupt(const StorageIndex& si, ShareNumber share, std::string reason) override;
  grid::Traffic traffic() const override { return traffic_; }

 private:
  template <class T>
  using Work = std::function<io::Task<Result<T>>(storage::ShareStore&)>;
  template <class T>
  io::Task<Result<T>> exchange(std::string what, Work<T> work);
  template <class T>
  io::Task<Result<T>> hear(Fault fault, std::shared_ptr<Reply<T>> reply, io::Duration longest);
  io::Task<Result<void>> feed(Fault fault, grid::ByteSource& source, std::shared_ptr<Body> body,
                              const Reply<grid::WriteAnswer>& reply, std::uint64_t& sent);

  Trial& trial_;
  Host& host_;
  bool known_ = false;
  grid::Traffic traffic_;
};

}  // namespace holdfast::sim
