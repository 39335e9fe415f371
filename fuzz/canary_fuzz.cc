// The canary of the fuzzing: a planted bug, a read one past the end behind four bytes that chance alone would not find.
// scripts/fuzz.sh runs it first. When it is not found, coverage feedback or the address sanitizer does not work, and that
// nothing else is found says nothing.
#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 4) return 0;
  if (data[0] != 'b') return 0;
  if (data[1] != 'i') return 0;
  if (data[2] != 'r') return 0;
  if (data[3] != 'd') return 0;
  const volatile std::uint8_t past_the_end = data[size];
  return past_the_end == 0 ? 0 : 0;
}
