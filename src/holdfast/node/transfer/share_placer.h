// All shares of one file to their servers: plan, allocate, push, place again what fails, until happy.
#pragma once

#include <utility>

#include "holdfast/edge/io/task_group.h"
#include "holdfast/node/transfer/progress.h"
#include "holdfast/node/transfer/server_inquiry.h"
#include "holdfast/node/transfer/share_homes.h"

namespace holdfast::transfer {

/// Drives the pushers of one upload. A server that is silent or refuses has its shares placed elsewhere, and is tried
/// on in the background; whichever copy is proven first counts.
class SharePlacer {
 public:
  struct Wishes {
    unsigned happy = 7;
    Patience patience;
    std::string what_goes_on = "the same put again goes on with it";  // told of a share that is not finished
    std::set<std::pair<std::string, ShareNumber>> rejected;           // copies known to be bad, by server id (repair)
    std::function<void()> on_happy;                                   // once, when happiness >= happy is proven
  };

  SharePlacer(PushJob& job, Secret master, Wishes wishes, Progress& progress);

  /// Until every share is proven, or `happy` is reached and the rest stays silent, or the caller stops: what was promised is done
  /// then. Errors: unhappy, and those of the pipeline and of patience.
  io::Task<Result<void>> run();

  const PushAttempts& attempts() const { return attempts_; }
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  io::Task<Result<void>> gather();
  std::size_t possible_happiness() const;
  Error too_few() const;
  bool others_may_answer() const;
  void ask_those_without_room_again();
  io::Task<Result<void>> allocate_planned();
  io::Task<void> allocate_on(std::size_t server, std::set<ShareNumber> shares);
  void start(std::size_t server, ShareNumber share, SharePusher::Start start);
  io::Task<Result<void>> supervise();
  io::Task<Result<void>> wait_for_change();
  void look_at_failures();
  Homes homes() const;
  io::Task<void> place_again();
  bool may_place() const;
  void look_for_life();
  void look_at_link();
  void ask_the_idle();
  io::Task<void> hear_the_idle();
  std::vector<grid::StorageServer*> idle() const;
  bool rest_is_silent() const;
  bool is_trickle(const PushAttempt& attempt) const;
  void warn_of_stragglers();
  void draw();
  placement::Facts facts_now() const;
  std::vector<ServerFacts>& servers() { return inquiry_.servers(); }
  const std::vector<ServerFacts>& servers() const { return inquiry_.servers(); }

  PushJob& job_;
  const Wishes wishes_;
  Progress& progress_;
  PushAttempts attempts_;
  std::set<Refusal> refused_;
  std::set<Refusal> no_room_;  // of them: not taken when it was asked for; there may be room later
  io::Time ask_again_at_{};
  unsigned asked_again_ = 0;
  std::vector<std::string> warnings_;
  io::Event changed_;
  bool change_pending_ = false;
  bool told_happy_ = false;
  std::optional<io::Duration> happy_after_;  // by the link's clock
  bool looking_for_life_ = false;
  bool link_is_gone_ = false;  // nobody who had answered did, at the latest look
  io::Time look_at_link_at_{};
  bool reached_ = false;                 // somebody, by the latest round of allocations
  std::optional<io::Time> given_up_at_;  // patience was over, and a last round of allocations reached nobody
  io::TaskGroup group_;
  ServerInquiry inquiry_;
};

}  // namespace holdfast::transfer
