// An upload helper in memory: keeps what it is sent, and pushes it into the grid. It behaves; what a test does to it does not.
#pragma once

#include <functional>
#include <optional>

#include "holdfast/edge/io/waiting.h"
#include "holdfast/node/grid/upload_helper.h"
#include "holdfast/node/transfer/context.h"
#include "holdfast/node/transfer/grid_push.h"

namespace holdfast::test {

class MemoryHelper final : public grid::UploadHelper {
 public:
  enum class Call { version, begin, state, append, offset, digests, replace, complete, drop };
  using State = protocol::HelperState;

  /// It pushes to the servers of this context.
  MemoryHelper(transfer::Context context, unsigned number)
      : number_(number), name_("helper" + std::to_string(number)), context_(std::move(context)) {}

  // What it holds; it may be poisoned.
  std::optional<protocol::HelperRequest> request;
  Bytes spool;
  std::string upload;
  std::optional<State> finished;

  // What may be done to it.
  std::function<std::optional<Error>(Call)> refuse;   // before anything else
  std::function<void(Call, State&)> tamper;           // with each state that it tells
  std::function<void(std::uint64_t&)> tamper_offset;  // told by offset() and append()
  std::function<void(std::uint64_t&)> tamper_told;    // while it receives: each durable offset, a piece at a time
  std::function<void(protocol::HelperDigests&)> tamper_digests;
  std::function<void(Bytes&)> before_push;  // with what it encodes
  bool places = true;                       // else it only says so
  std::vector<std::uint64_t> cuts;          // the next appends break after so many bytes each
  std::uint64_t lost_at_a_cut = 0;          // of them: were not durable yet
  bool somebody_else_sends = false;         // busy, until that is taken back
  std::optional<Call> hangs_at;             // that call is never answered
  io::Duration piece_takes{};               // to arrive

  // What was seen.
  std::map<Call, unsigned> calls;
  std::uint64_t received = 0;           // bytes of appends and pieces
  std::vector<std::uint64_t> replaced;  // pieces
  std::vector<protocol::HelperRequest> requests;
  unsigned drops = 0, broken = 0;

  const std::string& name() const override { return name_; }
  SpkiHash spki() const override {
    return SpkiHash::from(Bytes(SpkiHash::kSize, static_cast<std::uint8_t>(200 + number_)));
  }
  grid::Traffic traffic() const override { return {}; }
  io::Task<Result<protocol::HelperVersion>> version() override;
  io::Task<Result<State>> begin(const StorageIndex& si, protocol::HelperRequest what,
                                const grid::HelperIdentity& who) override;
  io::Task<Result<State>> state(const StorageIndex& si, const grid::HelperIdentity& who,
                                std::chrono::seconds wait) override;
  io::Task<Result<std::uint64_t>> append(const std::string& path, std::uint64_t offset, grid::ByteSource& source,
                                         const grid::HelperIdentity& who, const grid::OffsetTold& told) override;
  io::Task<Result<std::uint64_t>> offset(const std::string& path, const grid::HelperIdentity& who) override;
  io::Task<Result<protocol::HelperDigests>> digests(const std::string& path, std::uint64_t first, std::uint64_t count,
                                                    const grid::HelperIdentity& who) override;
  io::Task<Result<void>> replace_piece(const std::string& path, std::uint64_t piece, grid::ByteSource& source,
                                       const grid::HelperIdentity& who) override;
  io::Task<Result<State>> complete(const std::string& path, std::uint64_t length, const Hash& pieces,
                                   const grid::HelperIdentity& who) override;
  io::Task<Result<void>> drop(const std::string& path, const grid::HelperIdentity& who) override;

  /// SHA-256 of each piece of what it holds.
  std::vector<Hash> own_digests() const;

 private:
  io::Task<Result<void>> arrive(Call call);
  Result<void> known(const std::string& path) const;
  State now() const;
  State told(Call call, State state) const;
  void forget();
  void tell_piece(const grid::OffsetTold& told);
  io::Task<Result<void>> push(const StorageIndex& si);

  const unsigned number_;
  const std::string name_;
  const transfer::Context context_;
  std::optional<StorageIndex> si_;  // one at a time
  unsigned uploads_ = 0;
  bool sealed_ = false;
  std::uint64_t told_ = 0;  // of the offsets while it receives
};

}  // namespace holdfast::test
