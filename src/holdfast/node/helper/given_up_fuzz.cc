// A list that is understood is written and read again as the same.
#include "holdfast/core/base/check.h"
#include "holdfast/node/helper/given_up.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast::helper;
  const auto list = decode_given_up({data, size});
  if (!list) return 0;
  HF_CHECK(list->items().size() <= GivenUpList::kMax);
  const auto again = decode_given_up(encode(*list));
  HF_CHECK(again && *again == *list);
  return 0;
}
