#include "holdfast/core/protocol/announcement.h"

#include "holdfast/core/protocol/base64.h"

namespace holdfast::protocol {

Announcement announcement_of(const Nurl& nurl) {
  Announcement out;
  out.server_id = "nurl-" + base64url_encode(nurl.spki.view());
  out.nurls = {nurl};
  return out;
}

}  // namespace holdfast::protocol
