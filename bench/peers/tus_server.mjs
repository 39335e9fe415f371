// The reference server of tus with its file store: `node tus_server.mjs DIRECTORY` prints its port.
import http from "node:http";
import { FileStore } from "@tus/file-store";
import { Server } from "@tus/server";

const tus = new Server({ path: "/uploads", datastore: new FileStore({ directory: process.argv[2] }) });
const server = http.createServer((request, response) => tus.handle(request, response));
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
