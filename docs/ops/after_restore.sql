-- Run once after a dump was restored into another server, before the service starts (docs/operations.md). Transaction
-- numbers start again there, so changes recorded with the old server's numbers would be read again and again.
BEGIN;
TRUNCATE offer_changes;
UPDATE forgotten_changes SET up_to = '0';
COMMIT;
