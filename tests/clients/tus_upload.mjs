// Uploads one file with tus-js-client: node tus_upload.mjs '{"endpoint": ..., "path": ..., ...options of tus-js-client}'.
// One line of JSON for each thing that happens; exit code 0 when the client says that it is done.
import { createReadStream, readFileSync } from 'node:fs'
import { Upload } from 'tus-js-client'

const { path, terminateAt, ...options } = JSON.parse(process.argv[2])
const tell = (event) => process.stdout.write(JSON.stringify(event) + '\n')
let requests = 0

// Of a file that it reads as a stream tus-js-client 4.3.1 does not see the end, unless it goes in one request: where its length is told
// beforehand, tus does without.
const needsEnd = options.uploadLengthDeferred || (options.protocol ?? 'tus-v1') !== 'tus-v1'
const source = needsEnd ? readFileSync(path) : createReadStream(path)
const upload = new Upload(source, {
  // Often and soon: what is tested is that it goes on, not how patient it is.
  retryDelays: Array(200).fill(10),
  ...options,
  onBeforeRequest: () => { requests += 1 },
  onUploadUrlAvailable: () => tell({ url: upload.url }),
  onChunkComplete: (_, accepted) => {
    tell({ accepted })
    if (terminateAt && accepted >= terminateAt) upload.abort(true).then(() => tell({ terminated: true }), fail)
  },
  onSuccess: () => tell({ done: upload.url, requests }),
  onError: fail,
})

function fail (error) {
  tell({ error: String(error) })
  process.exitCode = 1
}

upload.start()
