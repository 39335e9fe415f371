// The last answer of an upload: the cap when it is stored soon, otherwise where to ask for it (resumable-upload.md 2.8).
#pragma once

#include <functional>

#include "holdfast/node/gateway/upload_answers.h"

namespace holdfast::gateway {

class WaitingAnswer {
 public:
  WaitingAnswer(const UploadDesk& desk, http::Exchange& exchange) : desk_(desk), exchange_(exchange) {}

  /// Called every ten seconds while it waits.
  std::function<io::Task<void>()> meanwhile;
  /// Waits for the result however long it takes, or for the first trouble: what a client of plain PUT expects. It takes every
  /// success for the cap: when there is none it gets 503, unless it has said with `Prefer` that it knows of other answers.
  bool for_ever = false;
  unsigned success = 201;
  /// Answers in another way than with `success` and the cap.
  std::function<io::Task<void>(std::string cap)> stored;

  /// 201 with the cap (and where the file is), 202 while it is on its way, 410 when the upload has failed. `Prefer: wait=N` and
  /// `respond-async` are heard. `headers` are added to all of them.
  io::Task<void> answer(UploadHandlePtr handle, http::Headers headers);

 private:
  std::optional<io::Duration> preference() const;
  io::Task<void> wait(UploadHandlePtr handle);

  const UploadDesk& desk_;
  http::Exchange& exchange_;
};

}  // namespace holdfast::gateway
