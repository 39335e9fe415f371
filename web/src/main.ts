// The page put together.
import { keepAwakeWhile } from "./awake.ts";
import { Link } from "./link.ts";
import { Uploads } from "./transfers/uploads.ts";
import { listenForFiles } from "./view/drop_zone.ts";
import { showLink } from "./view/link_banner.ts";
import { showNode } from "./view/node_panel.ts";
import { listenForCaps } from "./view/open_form.ts";
import { showTransfers } from "./view/transfer_list.ts";

const link = new Link();
const uploads = new Uploads(link);
showLink(link);
showTransfers(uploads);
listenForFiles(uploads);
listenForCaps();
uploads.restore();
void showNode(link);
void keepAwakeWhile(() => uploads.sendingAny);
