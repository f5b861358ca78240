"""The tables of the store. Labs of every chapter."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS submissions (
    lab TEXT NOT NULL, name TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL,
    notes TEXT NOT NULL,         -- a JSON list of sentences
    path BLOB NOT NULL,          -- where the file lay when it was graded, in bytes as it is named
    content TEXT NOT NULL,       -- SHA-256 of the file
    checks TEXT NOT NULL,        -- SHA-256 of the lab's master and checks
    time_limit_s REAL NOT NULL, graded_at TEXT NOT NULL,
    handed_in TEXT NOT NULL,     -- when the file was last changed, or what nbgrader noted
    PRIMARY KEY (lab, name));
CREATE TABLE IF NOT EXISTS exercises (
    lab TEXT NOT NULL, submission TEXT NOT NULL, position INTEGER NOT NULL, exercise TEXT NOT NULL,
    points REAL NOT NULL, out_of REAL NOT NULL, state TEXT NOT NULL, message TEXT NOT NULL,
    hint TEXT NOT NULL,          -- the name of the mistake that the check recognised
    code TEXT NOT NULL, title TEXT NOT NULL,
    stood_in TEXT NOT NULL,      -- exercises for which the reference stood in
    PRIMARY KEY (lab, submission, exercise));
CREATE TABLE IF NOT EXISTS changes (  -- one row for each exercise whose result changed
    at TEXT NOT NULL, lab TEXT NOT NULL, submission TEXT NOT NULL, exercise TEXT NOT NULL,
    points_before REAL, points REAL NOT NULL, state_before TEXT, state TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS adjustments (  -- by the instructor; an empty exercise is the whole lab
    lab TEXT NOT NULL, person TEXT NOT NULL, exercise TEXT NOT NULL,
    points TEXT NOT NULL,        -- "3" in place of what was earned, "+1" or "-1" on top, or empty
    due TEXT NOT NULL, handed_in TEXT NOT NULL, comment TEXT NOT NULL, reason TEXT NOT NULL,
    at TEXT NOT NULL, PRIMARY KEY (lab, person, exercise));
CREATE TABLE IF NOT EXISTS people (  -- who takes part, where the instructor gave a list
    lab TEXT NOT NULL, key TEXT NOT NULL, name TEXT NOT NULL, email TEXT NOT NULL,
    handed_in TEXT NOT NULL, PRIMARY KEY (lab, key));
CREATE TABLE IF NOT EXISTS instead (  -- files handed in that are no notebook of the lab
    lab TEXT NOT NULL, name TEXT NOT NULL, what TEXT NOT NULL, PRIMARY KEY (lab, name));
CREATE TABLE IF NOT EXISTS labs (lab TEXT PRIMARY KEY, title TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS running (  -- begun and not ended; a row left over names a suspect
    lab TEXT NOT NULL, name TEXT NOT NULL, content TEXT NOT NULL, begun INTEGER NOT NULL,
    alone INTEGER NOT NULL,      -- whether nothing else ran beside it
    PRIMARY KEY (lab, name));
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
