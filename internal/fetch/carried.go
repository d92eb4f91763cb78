package fetch

import (
	"strconv"
	"time"

	"punctual/internal/cron"
)

// Every request says which execution it belongs to, and more where the job asks for it. A header of the job with the same
// name is sent instead.

// appendCarried appends the headers by which a target can tell executions and attempts apart. own are those of the job.
func (x *exchange) appendCarried(b []byte, own *ownFields) []byte {
	c := x.call
	if !own.given[fieldExecution] && !c.Literal {
		b = append(c.Attempt.AppendID(append(b, "Punctual-Execution: "...)), "\r\n"...)
	}
	if c.Traceparent && !own.given[fieldTraceparent] {
		b = append(c.AppendTraceparent(append(b, "traceparent: "...)), "\r\n"...)
	}
	if c.Repeatable && !own.given[fieldIdempotencyKey] {
		b = append(c.AppendOccurrence(append(b, "Idempotency-Key: "...)), "\r\n"...)
	}
	if c.Repeatable && !own.given[fieldAttempt] {
		b = strconv.AppendInt(append(b, "Punctual-Attempt: "...), int64(c.Attempt.Number), 10)
		b = append(b, "\r\n"...)
	}
	if c.SigningSecret != "" && !x.leftOrigin() {
		b = x.appendSigned(b, own)
	}
	return b
}

// appendSigned appends the headers of the Standard Webhooks specification. The signature is that of the ID and the time
// that are sent, even if the job has them.
func (x *exchange) appendSigned(b []byte, own *ownFields) []byte {
	id, timestamp := own.id, own.timestamp
	if !own.given[fieldWebhookID] {
		id = string(x.call.AppendOccurrence([]byte("msg_")))
		b = appendField(b, "webhook-id", id)
	}
	if !own.given[fieldWebhookTimestamp] {
		sent := x.call.Now.Add(time.Since(x.started))
		timestamp = strconv.FormatInt(sent.Unix(), 10)
		b = appendField(b, "webhook-timestamp", timestamp)
	}
	if own.given[fieldWebhookSignature] {
		return b
	}
	body := ""
	if x.call.Request.Method.SendsBody() {
		body = x.call.Request.Body
	}
	return append(x.call.AppendSignature(append(b, "webhook-signature: "...), id, timestamp, body), "\r\n"...)
}

// ownFields are the headers of a job that have a rule.
type ownFields struct {
	given         [fieldDropped]bool
	host          cron.Header
	id, timestamp string // of webhook-id and webhook-timestamp
}

// ownFields finds the headers of the job that have a rule. Of several, the first one counts.
func (x *exchange) ownFields() (own ownFields) {
	headers := x.call.Request.Headers
	for i := len(headers) - 1; i >= 0; i-- {
		rule := ruleFor(headers[i].Name)
		if rule >= fieldDropped {
			continue
		}
		own.given[rule] = true
		switch rule {
		case fieldHost:
			own.host = headers[i]
		case fieldWebhookID:
			own.id = sentValue(headers[i].Value)
		case fieldWebhookTimestamp:
			own.timestamp = sentValue(headers[i].Value)
		}
	}
	return own
}
