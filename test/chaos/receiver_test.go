package chaos

import (
	"hash/fnv"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/notify/email/emailtest"
	"punctual/test/harness"
)

// receiver is a webhook and a mail server that count the messages that arrive. Of some the webhook takes the first attempt badly: it
// answers 500 or nothing.
type receiver struct {
	url   string
	mails *emailtest.Server // of the channels that tell owners

	mu   sync.Mutex
	told map[int64]int // by message
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{told: make(map[int64]int), mails: emailtest.Start(t, emailtest.Options{NoTLS: true, NoAuth: true})}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

// ServeHTTP implements http.Handler.
func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	name := request.Header.Get("webhook-id")
	id, err := strconv.ParseInt(strings.TrimPrefix(name, "msg_"), 10, 64)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	r.told[id]++
	first := r.told[id] == 1
	r.mu.Unlock()
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(name))
	switch chance := hash.Sum32() % 20; {
	case first && chance == 0:
		w.WriteHeader(http.StatusInternalServerError)
	case first && chance == 1:
		panic(http.ErrAbortHandler)
	case chance < 5:
		time.Sleep(time.Duration(chance) * 50 * time.Millisecond)
	}
}

// environment is that of nodes which send by the mail server.
func (r *receiver) environment() []string {
	return []string{"PUNCTUAL_SMTP=smtp://" + r.mails.Addr + "?starttls=off", "PUNCTUAL_MAIL_FROM=cron@example.com"}
}

// mailed are the numbers of messages in Message-IDs.
var mailed = regexp.MustCompile(`^<msg_(\d+)\.`)

// counts is how often each message arrived.
func (r *receiver) counts() map[int64]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	counts := make(map[int64]int, len(r.told))
	for id, n := range r.told {
		counts[id] = n
	}
	for _, m := range r.mails.Mails() {
		if number := mailed.FindStringSubmatch(m.Header.Get("Message-Id")); number != nil {
			id, _ := strconv.ParseInt(number[1], 10, 64)
			counts[id]++
		}
	}
	return counts
}

// createChannel tells a receiver of everything about the jobs of an account.
func createChannel(t *testing.T, client *harness.Client, to *receiver) {
	t.Helper()
	answer, err := client.Try("POST", "/channels", harness.Fields{"channel": harness.Fields{"kind": "webhook", "title": "receiver",
		"default": true, "reminderSeconds": 300, "settings": harness.Fields{"url": to.url}}}, nil)
	if err != nil || answer.Status != http.StatusOK {
		t.Fatalf("create a channel: %v, status %d: %s", err, answer.Status, answer.Body)
	}
}

// awaitMessages waits until all notices have become messages and all messages have ended, and does not let messages wait for their time.
func (r *round) awaitMessages() {
	r.await("all messages have ended", func() bool {
		_, err := r.service.Database().Exec(`UPDATE message SET due_at = $1 WHERE state = 0 AND due_at > $1 AND kind <> $2`,
			time.Now().UnixMilli(), int(cron.NoticeReminder))
		if err != nil {
			r.t.Logf("make messages due: %v", err) // the database is busy
		}
		return r.number(`SELECT count(*) FROM outbox WHERE unrouted`)+r.number(`SELECT count(*) FROM message WHERE state < $1 AND kind <> $2`,
			int(cron.MessageSent), int(cron.NoticeReminder)) == 0
	})
}
