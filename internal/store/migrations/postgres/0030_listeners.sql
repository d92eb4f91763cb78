-- +goose Up

-- Where a node accepts connections, so that the jobs of other nodes do not call it there. Nodes of former versions leave the defaults.
ALTER TABLE node
    ADD COLUMN host      TEXT NOT NULL DEFAULT '', -- the same for nodes that share their loopback addresses
    ADD COLUMN listeners TEXT NOT NULL DEFAULT ''; -- addresses with ports, separated by commas
