// The candidates of an upload are asked until they answer; when have enough of them, to make a plan?
#pragma once

#include "holdfast/edge/io/task_group.h"
#include "holdfast/node/transfer/server_survey.h"

namespace holdfast::transfer {

/// Asks each of the first 2N servers on its own, and goes on with those that are silent or full as long as the upload runs.
class ServerInquiry {
 public:
  /// `group` is where the questions live; it ends before this does. `job.changed` is called after every answer.
  ServerInquiry(PushJob& job, Secret master, Patience patience, io::TaskGroup& group);

  /// Once.
  void begin();

  /// Ordered as permuted; their number does not change after `begin`.
  std::vector<ServerFacts>& servers() { return servers_; }
  const std::vector<ServerFacts>& servers() const { return servers_; }
  std::size_t answered() const;
  /// Whom somebody still asks: each may answer yet.
  std::size_t open() const;
  /// At least one question has ended, with an answer or without.
  bool has_asked() const;
  /// A plan made of what is known now is `happy`. Have those who are late had their chance as well? What is planned without a
  /// server that holds shares is sent a second time.
  bool is_ripe(bool happy);
  /// Why the first of the silent ones is; nothing when there is none.
  const Error* silence() const;
  std::string who_is_waited_for() const;

 private:
  io::Task<void> keep_asking(std::size_t position);
  bool all_had_their_chance(io::Time since) const;

  PushJob& job_;
  const Secret master_;
  const Patience patience_;
  io::TaskGroup& group_;
  std::vector<ServerFacts> servers_;
  io::Time begun_;
  std::optional<io::Time> first_answer_;  // of any of them
  std::optional<io::Time> happy_since_;
};

}  // namespace holdfast::transfer
