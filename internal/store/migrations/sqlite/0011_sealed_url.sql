-- +goose Up

-- The URL of a job when it holds user or password, sealed; url is the URL without them.
ALTER TABLE job ADD COLUMN url_sealed BLOB;
