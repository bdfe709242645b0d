"""How a service meets the network: the edge around its application, and the server with its connections and workers."""

from shared.asgi.connection import ConnectionLimits
from shared.asgi.edge import BODY_LIMIT, BodyTooLarge, Edge, allow_body
from shared.asgi.server import ServerOptions, serve

__all__ = ["BODY_LIMIT", "BodyTooLarge", "ConnectionLimits", "Edge", "ServerOptions", "allow_body", "serve"]
