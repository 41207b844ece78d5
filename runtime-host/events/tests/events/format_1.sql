-- Makes a file of format 1 out of one of format 2: positions come from a sequence, of which the
-- last were given to events that have been removed since.
CREATE TABLE entries_1 (
    position       INTEGER PRIMARY KEY AUTOINCREMENT,
    recorded_at_ms INTEGER NOT NULL,
    bytes          INTEGER NOT NULL,
    source         TEXT NOT NULL,
    id             TEXT NOT NULL,
    kind           TEXT NOT NULL,
    key            TEXT NOT NULL,
    event          TEXT NOT NULL,
    UNIQUE (source, id)
);
INSERT INTO entries_1 SELECT position, recorded_at_ms, bytes, source, id, kind, key, event
    FROM entries ORDER BY position;
DROP TABLE entries;
ALTER TABLE entries_1 RENAME TO entries;
UPDATE sqlite_sequence SET seq = 9 WHERE name = 'entries';
DROP INDEX dead_letters_by_key;
ALTER TABLE dead_letters DROP COLUMN key;
CREATE INDEX entries_by_time ON entries (recorded_at_ms);
ALTER TABLE subscriptions DROP COLUMN seen;
ALTER TABLE subscriptions DROP COLUMN open;
ALTER TABLE statistics DROP COLUMN youngest;
PRAGMA user_version = 1;
