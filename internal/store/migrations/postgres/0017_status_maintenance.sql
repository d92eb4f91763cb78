-- +goose Up

-- Maintenances of status pages are maintenance windows, of the jobs that their components have. The effect can be -1, none.
ALTER TABLE maintenance ADD COLUMN page_id BIGINT REFERENCES status_page (id) ON DELETE CASCADE; -- NULL for a window of the account
ALTER TABLE maintenance ADD COLUMN component_ids TEXT NOT NULL DEFAULT '';  -- of the page, as JSON
ALTER TABLE maintenance ADD COLUMN body TEXT NOT NULL DEFAULT '';           -- Markdown
ALTER TABLE maintenance ADD COLUMN shown_at BIGINT NOT NULL DEFAULT 0;     -- until when its spans are in the layers of the components
ALTER TABLE maintenance ADD COLUMN next_at BIGINT NOT NULL DEFAULT 0;      -- when a span starts or ends after that; 0 is never
CREATE INDEX maintenance_page ON maintenance (page_id, id) WHERE page_id IS NOT NULL;
CREATE INDEX maintenance_next ON maintenance (next_at) WHERE next_at <> 0;

CREATE INDEX status_page_announced ON status_page (announced_until) WHERE announced_until <> 0;

-- When the outage began that an incident was made for automatically; 0 for none.
ALTER TABLE status_component ADD COLUMN outage_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX status_component_automatic ON status_component (id) WHERE automatic_minutes > 0;
CREATE INDEX incident_automatic ON incident (id) WHERE automatic <> 0 AND resolved_at = 0;
