"""The tables of the store. Labs of every chapter."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS submissions (
    lab TEXT NOT NULL, name TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL,
    notes TEXT NOT NULL,         -- a JSON list of sentences
    path BLOB NOT NULL,          -- where the file was when it was graded, as bytes
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
    stood_in TEXT NOT NULL,      -- exercises that the reference replaced
    PRIMARY KEY (lab, submission, exercise));
CREATE TABLE IF NOT EXISTS changes (  -- one row for each exercise whose result changed
    at TEXT NOT NULL, lab TEXT NOT NULL, submission TEXT NOT NULL, exercise TEXT NOT NULL,
    points_before REAL, points REAL NOT NULL, state_before TEXT, state TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS adjustments (  -- by the instructor; an empty exercise is the whole lab
    lab TEXT NOT NULL, person TEXT NOT NULL, exercise TEXT NOT NULL,
    points TEXT NOT NULL,        -- "3" replaces the points earned, "+1" or "-1" is added, or empty
    due TEXT NOT NULL, handed_in TEXT NOT NULL, comment TEXT NOT NULL, reason TEXT NOT NULL,
    at TEXT NOT NULL, PRIMARY KEY (lab, person, exercise));
CREATE TABLE IF NOT EXISTS people (  -- the class list, if the instructor gave one
    lab TEXT NOT NULL, key TEXT NOT NULL, name TEXT NOT NULL, email TEXT NOT NULL,
    handed_in TEXT NOT NULL, PRIMARY KEY (lab, key));
CREATE TABLE IF NOT EXISTS instead (  -- files handed in that are not a notebook of the lab
    lab TEXT NOT NULL, name TEXT NOT NULL, what TEXT NOT NULL, PRIMARY KEY (lab, name));
CREATE TABLE IF NOT EXISTS labs (lab TEXT PRIMARY KEY, title TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS running (  -- begun but not ended; a row that is left names a suspect
    lab TEXT NOT NULL, name TEXT NOT NULL, content TEXT NOT NULL, begun INTEGER NOT NULL,
    alone INTEGER NOT NULL,      -- whether nothing else ran at the same time
    PRIMARY KEY (lab, name));
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
