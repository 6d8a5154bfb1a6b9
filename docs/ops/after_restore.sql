-- Once, after a dump was restored into another server and before the service starts (docs/operations.md): transactions are counted anew there,
-- so what was noted of changes by the numbers of the old server would be read again and again.
BEGIN;
TRUNCATE offer_changes;
UPDATE forgotten_changes SET up_to = '0';
COMMIT;
