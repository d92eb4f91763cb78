package api

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"

	"punctual/internal/api/spec"
	"punctual/internal/cron"
)

// getOpenAPI answers with the description of the API for programs.
func (a *api) getOpenAPI(w http.ResponseWriter, r *http.Request, _ cron.Actor) error {
	p, err := spec.Published()
	if err == nil {
		publish(w, r, "application/json", p.Document)
	}
	return err
}

// getDocs answers with the description of the API for people.
func (a *api) getDocs(w http.ResponseWriter, r *http.Request, _ cron.Actor) error {
	p, err := spec.Published()
	if err == nil {
		w.Header().Set("Content-Security-Policy", p.Policy)
		w.Header().Set("Referrer-Policy", "no-referrer")
		publish(w, r, "text/html; charset=utf-8", p.Page)
	}
	return err
}

// publish sends what is the same for everybody and changes with the program only.
func publish(w http.ResponseWriter, r *http.Request, mediaType string, content []byte) {
	hash := sha256.Sum256(content)
	tag := `"` + hex.EncodeToString(hash[:8]) + `"`
	h := w.Header()
	h.Set("ETag", tag)
	h.Set("Cache-Control", "public, max-age=300")
	if notModified(w, r, tag) {
		return
	}
	h.Set("Content-Type", mediaType)
	h.Set("Content-Length", strconv.Itoa(len(content)))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(content) // whoever is gone does not need it
}
