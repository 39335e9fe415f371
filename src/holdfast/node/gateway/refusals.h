// What is answered when an upload cannot be begun, or not all of a request's bytes were stored: one table for all dialects.
#pragma once

#include "holdfast/node/gateway/upload_answers.h"

namespace holdfast::gateway {

/// Of UploadHandles::create.
unsigned status_of_creation(Errc code);
/// Of everything but `stored`, `ended`, and what is broken off without an answer.
unsigned status_of(AppendOutcome::End end);
/// A problem document with that status, and the problem type of the IETF draft where it has one.
io::Task<void> answer_refusal(http::Exchange& exchange, const AppendOutcome& outcome, http::Headers headers);

}  // namespace holdfast::gateway
