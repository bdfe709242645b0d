"""Clients in the database, on both backends."""

from sqlalchemy import insert, update

from services.auth.storage.tables import client_secrets, clients
from tests.contracts.auth.conftest import CLIENT_METADATA, NOON, Stage


def test_enabled_clients_come_by_id_without_their_secrets(stage: Stage) -> None:
    apps = {"android_package_name": "com.example.z", "android_sha256_cert_fingerprints": ["0F"]}
    metadata = {**CLIENT_METADATA, "allowed_origins": ["https://z.example"], "apple_app_ids": ["T.z"], **apps}
    with stage.sql.unit_of_work() as db:
        for client_id in ("z", "b"):
            values = {"client_id": client_id, "metadata": metadata, "created_at": NOON, "updated_at": NOON}
            db.execute(insert(clients).values(values))
        db.execute(insert(client_secrets).values(client_id="z", secret_hash=b"s" * 32, created_at=NOON))
        db.execute(update(clients).where(clients.c.client_id == "b").values(disabled_at=NOON))
    with stage.auth.autocommit() as stores:
        found = stores.clients.enabled()
    assert [client.client_id for client in found] == ["app", "z"]
    assert (found[1].allowed_origins, found[1].apple_app_ids) == (("https://z.example",), ("T.z",))
    assert (found[1].android_package_name, found[1].android_sha256_cert_fingerprints) == ("com.example.z", ("0F",))
    assert found[1].secret_hashes == () and found[0].allowed_origins == ()
