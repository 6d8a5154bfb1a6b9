-- What tells every instance of the service which offers have changed (docs/decisions/0009-change-feed.md).
--
-- A trigger writes the rows, so that no write can forget to: not the service's, nor one made by hand. It sends no NOTIFY: a transaction
-- that notifies holds a lock of the whole database while it commits, which takes three quarters of the durable writes.

-- migrate:up

-- version is that of offers, an integer; the changed row is found by its bigint.
-- squawk-ignore-file prefer-bigint-over-int

SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

CREATE TABLE offer_changes (
    seq bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT offer_changes_pk PRIMARY KEY,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    offer_id uuid NOT NULL,
    region text NOT NULL,
    version integer NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX offer_changes_by_transaction ON offer_changes (xid);

COMMENT ON TABLE offer_changes IS
'Each new version of an offer, for as long as an instance may be away without reading all offers again.';
COMMENT ON COLUMN offer_changes.seq IS 'Counts changes; a later number may be committed before an earlier one.';
COMMENT ON COLUMN offer_changes.xid IS
'The transaction that made the change: a reader compares it with the snapshot it has read up to.';
COMMENT ON COLUMN offer_changes.offer_id IS 'Which offer.';
COMMENT ON COLUMN offer_changes.region IS 'The region it drives in, or has left with this change.';
COMMENT ON COLUMN offer_changes.version IS 'The version it has since.';
COMMENT ON COLUMN offer_changes.changed_at IS 'When the transaction began.';

CREATE TABLE forgotten_changes (
    singleton boolean NOT NULL DEFAULT true CONSTRAINT forgotten_changes_pk PRIMARY KEY,
    times bigint NOT NULL DEFAULT 0,
    up_to xid8 NOT NULL DEFAULT '0',
    CONSTRAINT forgotten_changes_one_row CHECK (singleton)
);

INSERT INTO forgotten_changes DEFAULT VALUES;

COMMENT ON TABLE forgotten_changes IS 'One row: how far offer_changes has been cleared.';
COMMENT ON COLUMN forgotten_changes.singleton IS 'Always true, so that there is one row.';
COMMENT ON COLUMN forgotten_changes.times IS
'How often changes were deleted. Whoever sees a deletion sees all that it deleted.';
COMMENT ON COLUMN forgotten_changes.up_to IS
'The newest transaction of which changes were deleted: a reader that had not seen all up to it has missed some.';

CREATE FUNCTION note_offer_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO offer_changes (offer_id, region, version)
        SELECT written.id, written.region, written.version FROM written;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO offer_changes (offer_id, region, version)
        SELECT replaced.id, replaced.region, replaced.version FROM replaced;
    ELSE
        -- Positions that are computed anew keep their version, and are nobody else's news.
        INSERT INTO offer_changes (offer_id, region, version)
        SELECT written.id, written.region, written.version
        FROM written JOIN replaced ON replaced.id = written.id AND replaced.version <> written.version
        UNION ALL
        SELECT written.id, replaced.region, written.version
        FROM written JOIN replaced ON replaced.id = written.id AND replaced.region <> written.region;
    END IF;
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION note_offer_changes() IS 'Writes a row into offer_changes for each offer that has a new version.';

CREATE TRIGGER offers_note_insert AFTER INSERT ON offers
REFERENCING NEW TABLE AS written
FOR EACH STATEMENT EXECUTE FUNCTION note_offer_changes();

CREATE TRIGGER offers_note_update AFTER UPDATE ON offers
REFERENCING OLD TABLE AS replaced NEW TABLE AS written
FOR EACH STATEMENT EXECUTE FUNCTION note_offer_changes();

CREATE TRIGGER offers_note_delete AFTER DELETE ON offers
REFERENCING OLD TABLE AS replaced
FOR EACH STATEMENT EXECUTE FUNCTION note_offer_changes();

-- migrate:down
-- Forward only: a mistake is corrected by the next migration.
