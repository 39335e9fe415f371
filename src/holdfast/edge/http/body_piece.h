// A body taken in pieces that are large when its bytes come fast, and soon there when they do not.
#pragma once

#include <functional>

#include "holdfast/core/base/buffer.h"
#include "holdfast/edge/http/message.h"

namespace holdfast::http {

/// Fills the piece as far as its bytes come within `soon` of the first call, waiting for one byte as long as it takes, and cuts it
/// to them. True at the end of the body. What came before an error is in the piece. `heard` is called whenever something came.
/// Errors: those of BodyReader::read_some, in that scope.
io::Task<Result<bool>> read_piece(BodyReader& body, io::CancelScope& scope, io::Duration soon, Buffer& piece,
                                  std::function<void()> heard);

}  // namespace holdfast::http
