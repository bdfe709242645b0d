"""What stands around the services when they run in containers; `docker-compose.yml` is its caller.

    init        one-shot: the certificate authority, the certificate and every secret, made once
    databases   one-shot: three databases, an owner and a service role for each
    migrate     one-shot per service: the schema, as its owner, and what the service's role may do with it
    health      the containers' health check, without curl
    up          `make up`: start, wait, and say where everything is

Beside the services, not among them: nothing here runs while a request is answered, and none of them imports it.
It imports `shared` alone.

Policy: ADR-0010
"""
