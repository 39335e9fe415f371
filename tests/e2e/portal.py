"""What many a hotel does (F14): takes the connection itself, and answers whatever comes with a page in plain HTTP."""
import socket
import threading

PAGE = b"<!DOCTYPE html><html><head><title>Welcome to the hotel</title></head><body>Please sign in.</body></html>"


class Portal:
    """Its `port` takes every connection, also one that wants TLS."""

    def __init__(self, status, more=""):
        self.answers = 0
        self.answer = f"HTTP/1.1 {status} Portal\r\n{more}Content-Type: text/html\r\nContent-Length: {len(PAGE)}\r\nConnection: close\r\n\r\n".encode() + PAGE
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.serve)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()

    def serve(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            with near:
                try:
                    near.recv(65_536)
                    near.sendall(self.answer)
                    self.answers += 1
                    near.shutdown(socket.SHUT_WR)
                    while near.recv(65_536):  # a RST would take the answer away
                        pass
                except OSError:
                    pass
