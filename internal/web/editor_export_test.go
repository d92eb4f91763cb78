package web

import "slices"

// EditorControls are the controls of the editor for each field of a job.
func EditorControls() map[string][]string {
	found := map[string][]string{}
	for _, p := range parts() {
		for _, field := range p.fields {
			found[field] = append(found[field], slices.Concat(p.names, p.boxes)...)
		}
	}
	return found
}
