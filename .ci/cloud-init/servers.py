"""servers.py FOLDER CERTIFICATE KEY serves a folder on 127.0.0.1:8000, as a package mirror, and TLS on 192.168.1.1:15012, as
istiod does."""
import functools, http.server, socket, ssl, sys, threading

folder, certificate, key = sys.argv[1:]


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


mirror = http.server.ThreadingHTTPServer(("127.0.0.1", 8000), functools.partial(Quiet, directory=folder))
threading.Thread(target=mirror.serve_forever).start()
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
listener = socket.create_server(("192.168.1.1", 15012))
while True:
    connection, _ = listener.accept()
    connection.settimeout(5)
    try:
        context.wrap_socket(connection, server_side=True).close()
    except OSError:
        connection.close()
