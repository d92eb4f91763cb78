package spec

import (
	"punctual/internal/cron"
	"punctual/internal/linediff"
)

// comparisonSchema is an execution beside the latest success before it.
func comparisonSchema() Schema {
	status := func(text string) Schema {
		return Object(text,
			Of("status", Integer("The result.").Choose(statusChoices()...)),
			Of("statusText", String("The reason phrase of the response, or a sentence that explains the failure.")),
			Of("httpStatus", Integer("The status code of the response; 0 without one.").Within(0, 999)))
	}
	took := func(text string) Schema { return Integer(text).In("µs").AtLeast(0).OrNull() }
	lines := func(ops ...Choice) Schema {
		return Array("The lines that differ.", Object("",
			Of("op", String("Where the line is.").Choose(ops...)),
			Of("text", String("The line; at most 1,000 bytes.")))).UpTo(linediff.MaxLines)
	}
	before, now := Choice{Value: "-", Meaning: "only in the success"}, Choice{Value: "+", Meaning: "only in this execution"}
	truncated := Of("truncated", Boolean("True if lines were left out or cut, or a response was not stored completely."))
	return Object("The comparison.",
		Of("execution", String("The `identifier` of the execution.")),
		Of("good", String("The `identifier` of the latest success before it; null if there is none.").OrNull()),
		Of("complete", Boolean("False if no success was found among the latest records, and older ones were not examined.")),
		Of("status", Object("The results.", Of("before", status("That of the success.").OrNull()), Of("now", status("That of this execution.")))),
		Of("medianOf", Integer("The number of successes in `medianUs`.").Within(0, cron.MaxGoodBefore)),
		Of("timings", Array("The phases; null for a phase that was not reached.", Object("",
			Of("phase", String("The phase.").Choose(Choice{Value: "resolving"}, Choice{Value: "connecting"}, Choice{Value: "securing"},
				Choice{Value: "waiting"}, Choice{Value: "receiving"}, Choice{Value: "total", Meaning: "from start to end"})),
			Of("us", took("Duration in this execution; in the phase in which it failed, until it failed.")),
			Of("medianUs", took("The median of the latest successes before it.")),
			Of("goodUs", took("Duration in the latest success."))))),
		Of("headers", Object("The header lines, whatever their order, without `Date`; null if one of the responses was not saved.",
			Of("lines", lines(before, now)), truncated).OrNull()),
		Of("body", Object("The bodies; null if one of the responses was not saved.",
			Of("equal", Boolean("True if the stored bodies are the same.")),
			Of("binary", Boolean("True if one of the bodies is not text; there are no `lines` then.")),
			Of("lines", lines(before, now, Choice{Value: " ", Meaning: "in both"})), truncated).OrNull()),
		Of("ipAddress", Object("The addresses that were called; null if they are the same.",
			Of("before", String("").OrNull()), Of("now", String("").OrNull())).OrNull()),
		Of("sslCertExpiry", Object("When the certificates expire; null if they are the same.",
			Of("before", Time("").OrNull()), Of("now", Time("").OrNull())).OrNull()))
}
