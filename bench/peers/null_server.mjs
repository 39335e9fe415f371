// Takes uploads by tus and throws their bytes away: `node null_server.mjs` prints its port. What a client reaches here is its own limit.
import http from "node:http";

const server = http.createServer((request, response) => {
  const headers = { "Tus-Resumable": "1.0.0" };
  if (request.method === "POST") {
    headers.Location = `http://127.0.0.1:${server.address().port}/uploads/x`;
    response.writeHead(201, headers).end();
    return;
  }
  let offset = Number(request.headers["upload-offset"]);
  request.on("data", (bytes) => {
    offset += bytes.length;
  });
  request.on("end", () => response.writeHead(204, { ...headers, "Upload-Offset": String(offset) }).end());
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
