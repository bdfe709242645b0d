"""The Token Status List, the states of signing keys, and indexes for ends and purges."""

import sqlalchemy as sa
from alembic import op

revision = "20261126_status_list"
down_revision = "20261123_auth"
branch_labels = None
depends_on = None

SHARD_BYTES = 16_384
INDEXES = [
    ("authorization_codes", "expires_at"),
    ("families", "client_id"),
    ("families", "expires_at"),
    ("known_devices", "user_id"),
    ("waiting_requests", "expires_at"),
]


def upgrade() -> None:
    shards = op.create_table(
        "status_shards",
        sa.Column("shard", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("machine", sa.Boolean(), nullable=False),
        sa.Column("filling", sa.Boolean(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("bits", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("shard", name=op.f("pk_status_shards")),
    )
    versions = op.create_table(
        "key_set_versions",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_key_set_versions")),
    )
    op.create_table(
        "machine_places",
        sa.Column("status_shard", sa.Integer(), nullable=False),
        sa.Column("status_index", sa.Integer(), nullable=False),
        sa.Column("client_id", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["client_id"], ["clients.client_id"], name=op.f("fk_machine_places_client_id_clients"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("status_shard", "status_index", name=op.f("pk_machine_places")),
    )
    op.create_index(
        "uq_machine_places_live",
        "machine_places",
        ["client_id"],
        unique=True,
        sqlite_where=sa.text("retired_at IS NULL"),
        postgresql_where=sa.text("retired_at IS NULL"),
    )
    for name in ("activated_at", "retired_at", "removed_at"):
        op.add_column("signing_keys", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    for table, column in INDEXES:
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column], unique=False)

    op.execute("UPDATE signing_keys SET activated_at = created_at WHERE state = 'active'")
    op.bulk_insert(versions, [{"id": 1, "version": 1}])
    # the shards that families are in, a spare one for them, and two for machine clients
    last = op.get_bind().execute(sa.text("SELECT coalesce(max(status_shard), 0) FROM families")).scalar_one()
    op.bulk_insert(
        shards,
        [
            {
                "shard": shard,
                "machine": shard in {last + 2, last + 3},
                "filling": shard >= last,
                "version": 1,
                "bits": bytes(SHARD_BYTES),
            }
            for shard in range(last + 4)
        ],
    )


def downgrade() -> None:
    for table, column in reversed(INDEXES):
        op.drop_index(op.f(f"ix_{table}_{column}"), table_name=table)
    for name in ("removed_at", "retired_at", "activated_at"):
        op.drop_column("signing_keys", name)
    op.drop_index(
        "uq_machine_places_live",
        table_name="machine_places",
        sqlite_where=sa.text("retired_at IS NULL"),
        postgresql_where=sa.text("retired_at IS NULL"),
    )
    op.drop_table("machine_places")
    op.drop_table("key_set_versions")
    op.drop_table("status_shards")
