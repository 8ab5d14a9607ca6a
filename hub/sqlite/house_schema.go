package sqlite

// houseMigrations of house.db. The ledger's tables take rows and never change
// or lose one; an outbox row needs its ledger entry: no ledger, no bytes.
var houseMigrations = []string{`
CREATE TABLE ledger(
	idx     INTEGER PRIMARY KEY,
	leaf    BLOB NOT NULL,
	request TEXT NOT NULL -- of the leaf, for looking up
) STRICT;
CREATE INDEX ledger_request ON ledger(request) WHERE request <> '';
CREATE TABLE ledger_hash(
	idx  INTEGER PRIMARY KEY, -- tlog.StoredHashIndex
	hash BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;
CREATE TRIGGER ledger_kept BEFORE DELETE ON ledger BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_same BEFORE UPDATE ON ledger BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_hash_kept BEFORE DELETE ON ledger_hash BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_hash_same BEFORE UPDATE ON ledger_hash BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;

CREATE TABLE request(
	id       TEXT PRIMARY KEY,
	state    TEXT NOT NULL,
	received INTEGER NOT NULL,
	doc      TEXT NOT NULL, -- request.Record as JSON
	envelope BLOB NOT NULL,
	proof    BLOB NOT NULL,
	profile  BLOB NOT NULL,
	log      TEXT NOT NULL
) STRICT;
CREATE INDEX request_state ON request(state, received);
CREATE TABLE profile(agency TEXT PRIMARY KEY, envelope BLOB NOT NULL) STRICT;
CREATE TABLE seen(hash BLOB PRIMARY KEY CHECK (length(hash) = 32), at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE log_head(log TEXT PRIMARY KEY, signed BLOB NOT NULL, fetched INTEGER NOT NULL) STRICT;
CREATE TABLE secret(name TEXT PRIMARY KEY, value BLOB NOT NULL CHECK (length(value) = 32)) STRICT;

CREATE TABLE outbox(
	id          INTEGER PRIMARY KEY AUTOINCREMENT,
	ledger      INTEGER NOT NULL UNIQUE REFERENCES ledger(idx),
	request     TEXT NOT NULL REFERENCES request(id),
	agency      TEXT NOT NULL,
	package     TEXT NOT NULL,
	path        TEXT NOT NULL,
	digest      TEXT NOT NULL CHECK (length(digest) = 64),
	bytes       INTEGER NOT NULL CHECK (bytes > 0),
	target_kind TEXT NOT NULL,
	target_url  TEXT NOT NULL,
	profile     BLOB NOT NULL,
	private     INTEGER NOT NULL CHECK (private IN (0, 1)),
	not_before  INTEGER NOT NULL,
	state       TEXT NOT NULL DEFAULT 'cooling',
	upload_url  TEXT NOT NULL DEFAULT '',
	offset      INTEGER NOT NULL DEFAULT 0 CHECK (offset BETWEEN 0 AND bytes),
	attempts    INTEGER NOT NULL DEFAULT 0,
	next_try    INTEGER NOT NULL DEFAULT 0,
	error       TEXT NOT NULL DEFAULT '',
	receipt     BLOB NOT NULL DEFAULT x'',
	finished    INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX outbox_live ON outbox(request) WHERE state NOT IN ('done', 'failed', 'cancelled');

CREATE TABLE owner(one INTEGER PRIMARY KEY CHECK (one = 1), hash TEXT NOT NULL) STRICT;
CREATE TABLE session(
	token   BLOB PRIMARY KEY CHECK (length(token) = 32), -- SHA-256 of the cookie's token
	created INTEGER NOT NULL,
	seen    INTEGER NOT NULL,
	agent   TEXT NOT NULL,
	peer    TEXT NOT NULL
) STRICT, WITHOUT ROWID;
`, `
-- One profile an agency became one for each of its root key sets. The root of
-- those there are is in the envelope, which SQL cannot read.
ALTER TABLE profile RENAME TO profile_1;
CREATE TABLE profile(agency TEXT NOT NULL, root TEXT NOT NULL, envelope BLOB NOT NULL, PRIMARY KEY (agency, root)) STRICT;
INSERT INTO profile(agency, root, envelope) SELECT agency, '', envelope FROM profile_1;
DROP TABLE profile_1;
CREATE TABLE allowed(agency TEXT PRIMARY KEY, doc TEXT NOT NULL) STRICT; -- request.Allowed as JSON: the list last in force
`, `
-- recording.Heads: what a ledger entry of kind recordings.heads commits to.
CREATE TABLE heads(
	entry INTEGER PRIMARY KEY REFERENCES ledger(idx),
	seed  BLOB NOT NULL CHECK (length(seed) = 32)
) STRICT;
CREATE TABLE head(
	entry  INTEGER NOT NULL REFERENCES heads(entry),
	nth    INTEGER NOT NULL CHECK (nth BETWEEN 0 AND 255), -- place in recording.Heads.Chains
	chain  BLOB NOT NULL CHECK (length(chain) = 16),
	camera TEXT NOT NULL,
	stream TEXT NOT NULL,
	links  BLOB NOT NULL CHECK (length(links) = 32),
	oldest INTEGER NOT NULL,
	PRIMARY KEY (entry, nth)
) STRICT, WITHOUT ROWID;
CREATE TABLE head_range( -- segments of a chain by seq, each in one range of all heads
	chain BLOB NOT NULL,
	first INTEGER NOT NULL,
	last  INTEGER NOT NULL CHECK (last >= first),
	entry INTEGER NOT NULL,
	nth   INTEGER NOT NULL,
	PRIMARY KEY (chain, first),
	FOREIGN KEY (entry, nth) REFERENCES head(entry, nth)
) STRICT, WITHOUT ROWID;
CREATE INDEX head_ranges ON head_range(entry, nth);
CREATE TABLE ledger_hour( -- ledger.Hour
	idx    INTEGER PRIMARY KEY,
	end_us INTEGER NOT NULL UNIQUE,
	seed   BLOB NOT NULL CHECK (length(seed) = 32),
	root   BLOB NOT NULL CHECK (length(root) = 32),
	first  INTEGER NOT NULL, -- entries [first, after)
	after  INTEGER NOT NULL CHECK (after >= first)
) STRICT;
CREATE TRIGGER ledger_hour_kept BEFORE DELETE ON ledger_hour BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_hour_same BEFORE UPDATE ON ledger_hour BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
`, `
CREATE INDEX request_case ON request(json_extract(doc, '$.agency'), json_extract(doc, '$.request.case.number'), received);
`, `
CREATE TABLE person( -- account.Person but for the owner; a number is never given twice
	number INTEGER PRIMARY KEY AUTOINCREMENT,
	name   TEXT NOT NULL UNIQUE,
	role   TEXT NOT NULL,
	hash   TEXT NOT NULL
) STRICT;
INSERT INTO person(number, name, role, hash) VALUES (1, 'owner', 'owner', ''); -- 1 is the owner's
DELETE FROM person;
`, `
CREATE INDEX request_agency ON request(json_extract(doc, '$.agency'), received, state, id); -- for counting a month's
`, `
ALTER TABLE person ADD COLUMN cameras TEXT NOT NULL DEFAULT '[]'; -- a viewer's, as JSON
ALTER TABLE session ADD COLUMN person INTEGER NOT NULL DEFAULT 1;
ALTER TABLE session ADD COLUMN confirmed INTEGER NOT NULL DEFAULT 0;
CREATE TABLE invite(
	name    TEXT PRIMARY KEY,
	code    BLOB NOT NULL UNIQUE CHECK (length(code) = 32), -- SHA-256
	role    TEXT NOT NULL,
	cameras TEXT NOT NULL,
	expires INTEGER NOT NULL
) STRICT;
`, `
CREATE TABLE token( -- account.Token
	name    TEXT PRIMARY KEY,
	hash    BLOB NOT NULL UNIQUE CHECK (length(hash) = 32), -- SHA-256
	scopes  TEXT NOT NULL, -- with spaces between
	cameras TEXT NOT NULL,
	created INTEGER NOT NULL,
	expires INTEGER NOT NULL,
	used    INTEGER NOT NULL DEFAULT 0
) STRICT;
`, `
ALTER TABLE token ADD COLUMN maker INTEGER NOT NULL DEFAULT 1; -- all were made with the first owner's passphrase
`, `
CREATE TABLE passkey( -- account.Passkey
	id      BLOB PRIMARY KEY,
	person  INTEGER NOT NULL,
	handle  BLOB NOT NULL,
	name    TEXT NOT NULL,
	host    TEXT NOT NULL,
	created INTEGER NOT NULL,
	used    INTEGER NOT NULL,
	count   INTEGER NOT NULL,
	key     TEXT NOT NULL
) STRICT;
CREATE INDEX passkey_person ON passkey(person);
`, `
CREATE TABLE homekit(one INTEGER PRIMARY KEY CHECK (one = 1), code TEXT NOT NULL) STRICT; -- homekit.Kept
CREATE TABLE homekit_accessory( -- homekit.Identity
	accessory TEXT PRIMARY KEY,
	device_id TEXT NOT NULL UNIQUE,
	setup_id  TEXT NOT NULL,
	seed      BLOB NOT NULL CHECK (length(seed) = 32),
	version   INTEGER NOT NULL CHECK (version BETWEEN 1 AND 65535),
	shape     BLOB,
	tries     INTEGER NOT NULL
) STRICT;
CREATE TABLE homekit_controller( -- homekit.Controller
	accessory TEXT NOT NULL REFERENCES homekit_accessory(accessory),
	nth       INTEGER NOT NULL,
	id        TEXT NOT NULL,
	key       BLOB NOT NULL CHECK (length(key) = 32),
	admin     INTEGER NOT NULL CHECK (admin IN (0, 1)),
	added     INTEGER NOT NULL,
	seen      INTEGER NOT NULL,
	peer      TEXT NOT NULL,
	PRIMARY KEY (accessory, id)
) STRICT;
CREATE TABLE homekit_rung(nth INTEGER PRIMARY KEY AUTOINCREMENT, request TEXT NOT NULL UNIQUE) STRICT;
`, `
CREATE TABLE kept( -- keep.Kept: the truth of the holds that index.db has under these ids
	id       TEXT PRIMARY KEY,
	cameras  TEXT NOT NULL, -- as JSON
	from_us  INTEGER NOT NULL,
	to_us    INTEGER NOT NULL CHECK (to_us > from_us),
	until_us INTEGER NOT NULL, -- 0: until it is released
	note     TEXT NOT NULL,
	person   INTEGER NOT NULL,
	made     INTEGER NOT NULL
) STRICT;
`, `
ALTER TABLE owner ADD COLUMN label TEXT NOT NULL DEFAULT ''; -- what people read in place of the name
ALTER TABLE person ADD COLUMN label TEXT NOT NULL DEFAULT '';
ALTER TABLE invite ADD COLUMN label TEXT NOT NULL DEFAULT '';
`}
