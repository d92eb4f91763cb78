package spec

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// TestWebhooksAreWhatIsSent holds the messages that the tests of the channels keep to the description.
func TestWebhooksAreWhatIsSent(t *testing.T) {
	text, err := Describe().JSON()
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("openapi.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("openapi.json#/webhooks/message/post/requestBody/content/application~1json/schema")
	if err != nil {
		t.Fatal(err)
	}
	sent, err := os.ReadFile("../../notify/testdata/webhook.json")
	if err != nil {
		t.Fatal(err)
	}
	var messages map[string]struct{ Body map[string]any }
	if err := json.Unmarshal(sent, &messages); err != nil || len(messages) == 0 {
		t.Fatalf("%d messages, %v", len(messages), err)
	}
	described := map[string]bool{}
	for _, m := range webhookSchemas() {
		for _, member := range m.Schema.Members {
			described[member.Name] = true
		}
		for _, member := range m.Schema.Members[len(m.Schema.Members)-1].Schema.Members {
			described[member.Name] = true
		}
	}
	for name, m := range messages {
		if err := schema.Validate(any(m.Body)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		data := m.Body["data"].(map[string]any)
		for member := range data {
			if !described[member] {
				t.Errorf("%s is sent, and not described", member)
			}
		}
		for _, n := range data["notices"].([]any) {
			for member := range n.(map[string]any) {
				if !described[member] {
					t.Errorf("%s of a notice is sent, and not described", member)
				}
			}
		}
	}
}
