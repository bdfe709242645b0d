"""python deploy/health.py PORT: exit 0 when the service on this container's PORT answers /readyz with 200.

Run every few seconds in every container, so it imports next to nothing; a container without curl needs no other.
"""

import socket
import sys


def main(port: int) -> int:
    """Return 0 when ready, 1 when not; what the service answered goes to standard output, for `docker inspect`."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=4) as connection:
            connection.sendall(b"GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n")
            answer = b""
            while chunk := connection.recv(4096):
                answer += chunk
    except OSError as error:
        print(f"port {port}: {error}")
        return 1
    head, _, body = answer.partition(b"\r\n\r\n")
    print(body.decode(errors="replace"))
    return 0 if head.split(b" ", 2)[1:2] == [b"200"] else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
