// What came of giving an upload up.
#pragma once

namespace holdfast::transfer {

struct Aborted {
  unsigned shares = 0;          // partial ones that their servers dropped
  unsigned silent_servers = 0;  // what they hold they drop by themselves, later
};

}  // namespace holdfast::transfer
