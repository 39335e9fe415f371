// tus-js-client in chunks: `node tus_client.mjs ENDPOINT FILE CHUNK_BYTES` prints seconds and the upload's URL.
import fs from "node:fs";
import { Upload } from "tus-js-client";

const [endpoint, path, chunk] = process.argv.slice(2);
const begun = performance.now();
const upload = new Upload(fs.createReadStream(path), {
  endpoint,
  chunkSize: Number(chunk),
  uploadSize: fs.statSync(path).size,
  retryDelays: null,
  onError: (error) => {
    console.error(String(error));
    process.exit(1);
  },
  onSuccess: () => console.log((performance.now() - begun) / 1000, upload.url),
});
upload.start();
