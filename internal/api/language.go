package api

import (
	"net/http"

	"punctual/internal/message"
)

// layers are the sentences for callers of the API, by language. Those of package message are neutral: they know nothing
// of headers, paths and JSON.
var layers = map[string]message.Layer{"en": englishLayer}

// catalogues are all languages as callers of the API get them.
var catalogues = layered(message.Languages())

func layered(languages []*message.Catalogue) []*message.Catalogue {
	all := make([]*message.Catalogue, len(languages))
	for i, c := range languages {
		all[i] = c.With(layers[c.Tag])
	}
	return all
}

// languageOf is the language of the answer to a request: the one that its header Accept-Language asks for.
func languageOf(r *http.Request) *message.Catalogue {
	return message.Accepted(r.Header, catalogues)
}
