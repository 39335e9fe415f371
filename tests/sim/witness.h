// What one honest server has told: it must stand by it, whatever happens to it.
#pragma once

#include <map>
#include <set>

#include "holdfast/node/grid/storage_server.h"
#include "sim/machine.h"
#include "sim/trial.h"

namespace holdfast::sim {

class Witness {
 public:
  Witness(Trial& trial, Machine& machine, std::string name)
      : trial_(trial), machine_(machine), name_(std::move(name)) {}

  /// From now on bytes are looked at; without a file nothing is.
  void set_file(const ExpectedFile* file);

  /// What was acknowledged before a question is asked; its answer may not fall behind it.
  struct Before {
    bool concerns_us = false;  // else it is about another file
    unsigned forgotten = 0;
    std::set<ShareNumber> complete;
    std::map<std::pair<ShareNumber, Bytes>, RangeSet> held;
  };
  Before before(const StorageIndex& asked) const;

  void listed(const Before& before, const std::set<ShareNumber>& shares);
  void allocated(const Before& before, const Secret& secret, const protocol::AllocateReply& reply);
  void written(const Before& before, ShareNumber share, const Secret& secret, const grid::WriteAnswer& answer);
  void told_status(const Before& before, const Secret& secret, const protocol::UploadStatus& status);

  /// An upload was given up by its owner, or the server had a right to drop it.
  void forget_upload(ShareNumber share);
  /// The test takes a share away, or changes it.
  void spoil(ShareNumber share, bool rot, Random& random);

  /// Every share that is there, byte by byte.
  std::set<ShareNumber> look();
  /// Complete, or some bytes of it were acknowledged.
  std::set<ShareNumber> begun() const;
  /// Of what was acknowledged before.
  static RangeSet held_in(const Before& before, ShareNumber share, const Secret& secret);

  std::uint64_t held_and_sent_again = 0, broken_writes = 0;
  bool may_be_corrupt = false;  // the test changed shares
  bool disk_fails = false;      // an operation of the disk failed

 private:
  void complete(ShareNumber share);
  bool is_right(ShareNumber share);
  bool may_forget(const Before& before);
  Trial& trial_;
  Machine& machine_;
  const std::string name_;
  const ExpectedFile* file_ = nullptr;
  Before now_;
  std::set<ShareNumber> rotten_;
  std::uint64_t dropped_by_right_ = 0;
};

}  // namespace holdfast::sim
